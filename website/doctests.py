"""Shows the examples in docstrings as code, which Markdown would take for quotations."""

import re
from typing import Any

import griffe

__all__ = ["Doctests"]

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)
"""A prompt and what follows, up to an empty line."""


class Doctests(griffe.Extension):
    """Puts fences around the examples of every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Mark the examples of an object that was read."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
