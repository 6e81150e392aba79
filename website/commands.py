"""The reference of the command line: what `--help` prints, for every command."""

import io
import re
from contextlib import redirect_stdout, suppress

from nonlin.cli import main

__all__ = ["write"]


def write() -> str:
    """Return a section a command."""
    overview = _help()
    names = re.findall(r"^  ([a-z]+)  ", overview.partition("Commands:")[2], re.MULTILINE)
    parts = [_block(overview), *(f"## nonlin {name}\n\n{_block(_help(name))}" for name in names)]
    return "\n\n".join(parts)


def _help(*words: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        main([*words, "--help"])
    return said.getvalue()


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"
