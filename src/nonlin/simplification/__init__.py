"""Lossless simplification: what a network does not need is removed, with a certificate, and checked."""

from nonlin.simplification.boxes import read_box
from nonlin.simplification.removal import Removal
from nonlin.simplification.result import Agreement, Simplification, Size
from nonlin.simplification.simplify import simplify, verify

__all__ = ["Agreement", "Removal", "Simplification", "Size", "read_box", "simplify", "verify"]
