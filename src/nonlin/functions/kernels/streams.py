"""Several elements a step: their chains of operations do not wait for each other, so the processor's units stay busy.

The vectoriser of LLVM does not interleave a loop as long as these; written out in the source, it keeps it.
"""

from __future__ import annotations

import re

__all__ = ["loop"]

SHORT = 12  # lines; a loop below waits for memory, not for its operations
NOT_VECTORISED = ("sin(", "cos(", "quarters[")

NAME = re.compile(r"\b(w|u|v\d+)\b")


def loop(lines: list[str], streams: int = 2) -> str:
    """Write the loop over x.

    Args:
        lines: one assignment each, of one element: from `w = x[i]` on, to u, v0, v1 …, and to the outputs at [i].
        streams: how many elements a step, where it pays to take more than one.
    """
    text = "\n".join(lines)
    if len(lines) < SHORT or any(word in text for word in NOT_VECTORISED):
        return "\n".join(["    for i in range(x.size):", *_indented(lines, 8)])
    side_by_side = [_of_stream(line, k) for line in lines for k in range(streams)]
    # a loop would be vectorised again, which takes as long to compile as the first
    one_left = ["    if 2 * part < x.size:", "        i = x.size - 1"]
    return "\n".join(
        [
            f"    part = x.size // {streams}",
            "    for i in range(part):",
            *_indented(side_by_side, 8),
            *(one_left if streams == 2 else [f"    for i in range({streams} * part, x.size):"]),
            *_indented(lines, 8),
        ]
    )


def _of_stream(line: str, k: int) -> str:
    return NAME.sub(rf"\1{'_' * k}", line).replace("[i]", f"[i + {k} * part]") if k else line


def _indented(lines: list[str], width: int) -> list[str]:
    return [" " * width + line for line in lines]
