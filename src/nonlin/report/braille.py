"""Curves in the terminal, drawn with braille dots: two columns and four rows of them in each character."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.text import Text

from nonlin.results import number

__all__ = ["plot"]

Array = npt.NDArray[np.float64]

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800


def plot(x: Array, curves: Sequence[tuple[Array, str]], *, columns: int = 64, rows: int = 14) -> list[Text]:
    """Draw curves over one x, one line of text a row, the later ones on top.

    Args:
        x: shape (n,), increasing.
        curves: pairs of values, shape (n,), NaN where there are none, and the style of rich to draw them in.
        columns: the width in characters, without the labels of the axis.
        rows: the height.
    """
    values = np.concatenate([y[np.isfinite(y)] for y, _ in curves])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if low == high:
        low, high = low - 1.0, high + 1.0
    dots = np.zeros((rows, columns), int)
    styles = [[""] * columns for _ in range(rows)]
    for y, style in curves:
        for column, row in _lit(x, y, (low, high), (2 * columns, 4 * rows)):
            dots[row // 4, column // 2] |= _DOTS[column % 2][row % 4]
            styles[row // 4][column // 2] = style
    labels = {0: number(high), rows - 1: number(low)}
    if low < 0 < high:
        labels.setdefault(round((rows - 1) * high / (high - low)), "0")
    width = max(map(len, labels.values()))
    lines = [_line(labels.get(row, "").rjust(width), dots[row], styles[row]) for row in range(rows)]
    left, right = number(float(x[0])), number(float(x[-1]))
    return [*lines, Text(" " * (width + 2) + left + right.rjust(columns - len(left)), style="dim")]


def _line(label: str, dots: npt.NDArray[np.int_], styles: Sequence[str]) -> Text:
    line = Text(label + " ┤", style="dim")
    for mask, style in zip(dots, styles, strict=True):
        line.append(chr(_BLANK | int(mask)) if mask else " ", style=style or None)
    return line


def _lit(x: Array, y: Array, span: tuple[float, float], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots of a curve: in each column all between its lowest and its highest value there."""
    columns, rows = size
    low, high = span
    fine = np.linspace(x[0], x[-1], columns * 8)
    with np.errstate(invalid="ignore"):
        heights = (high - np.interp(fine, x, y)) / (high - low) * (rows - 1)
    found = []
    for column, part in enumerate(heights.reshape(columns, 8)):
        known = part[np.isfinite(part)]
        if len(known):
            first, last = round(float(known.min())), round(float(known.max()))
            found += [(column, row) for row in range(max(first, 0), min(last, rows - 1) + 1)]
    return found
