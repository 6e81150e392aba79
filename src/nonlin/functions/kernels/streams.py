"""Two elements a step: their chains of operations do not wait for each other, so the processor's units stay busy.

The vectoriser of LLVM does not interleave a loop as long as these; written out in the source, it keeps it.
"""

from __future__ import annotations

import re

__all__ = ["loop"]

SHORT = 12  # lines; a loop below waits for memory, not for its operations
NOT_VECTORISED = ("sin(", "cos(", "quarters[")

NAME = re.compile(r"\b(u|v\d+)\b")


def loop(lines: list[str]) -> str:
    """Write the loop over x.

    Args:
        lines: one assignment each, of one element: from `u = F(x[i])` on, to v0, v1 …, and to the outputs at [i].
    """
    text = "\n".join(lines)
    if len(lines) < SHORT or any(word in text for word in NOT_VECTORISED):
        return "\n".join(["    for i in range(x.size):", *_indented(lines, 8)])
    both = [line for one in lines for line in (one, _second(one))]
    return "\n".join(
        [
            "    half = x.size // 2",
            "    for i in range(half):",
            *_indented(both, 8),
            "    if 2 * half < x.size:",
            "        i = x.size - 1",
            *_indented(lines, 8),
        ]
    )


def _second(line: str) -> str:
    return NAME.sub(r"\1_", line).replace("[i]", "[i + half]")


def _indented(lines: list[str], width: int) -> list[str]:
    return [" " * width + line for line in lines]
