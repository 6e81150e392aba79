"""The command line: parse, call, print, exit code."""

from nonlin.cli.main import main

__all__ = ["main"]
