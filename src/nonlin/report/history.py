"""A watched run in the terminal and as a page: depth against time, and what is wrong at its last step."""

from collections.abc import Sequence
from html import escape

import numpy as np
from rich.console import Console
from rich.text import Text

from nonlin.inspection.result import Finding
from nonlin.inspection.watching.grid import GRID_FIGURES, Grid, grid
from nonlin.inspection.watching.history import History
from nonlin.results import number

__all__ = ["history_page", "print_history"]

_SHADES = "·░▒▓█"
_STEPS = 60
_NAME = 28


def print_history(history: History, findings: Sequence[Finding], console: Console, *, figure: str) -> None:
    """Print one figure of a history as a heat map, and the findings of its last step.

    Args:
        history: with at least one record.
        findings: of it.
        console: where to.
        figure: as of `grid`.
    """
    shown = grid(history, figure).columns(_STEPS)
    low, high = _range(shown)
    console.print(
        Text(f"{GRID_FIGURES[figure]}: {_SHADES[0]} is {number(low)}, {_SHADES[-1]} is {number(high)}")
    )
    wide = min(max(map(len, shown.calls)), _NAME)
    if shown.nonfinite.any():
        console.print("!: outputs that are NaN or infinite")
    for call, row, lost in zip(shown.calls, shown.values, shown.nonfinite, strict=True):
        shades = [_shade(value, low, high, logarithmic=shown.logarithmic) for value in row]
        cells = "".join("!" if broken else shade for shade, broken in zip(shades, lost, strict=True))
        name = call if len(call) <= wide else "…" + call[1 - wide :]
        console.print(Text(f"{name:<{wide}} {cells} {number(float(row[-1]))}", overflow="crop"), no_wrap=True)
    first, last = str(shown.steps[0]), str(shown.steps[-1])
    gap = max(len(shown.steps) - len(first) - len(last), 1)
    console.print(Text(f"{'step':<{wide}} {first}{'' if len(shown.steps) == 1 else ' ' * gap + last}"))
    for finding in findings:
        console.print(Text(f"{finding.severity}: {finding.message}"))


def history_page(history: History, findings: Sequence[Finding], pictures: Sequence[str]) -> str:
    """Return a page that needs no other file.

    Args:
        history: of the run.
        findings: of its last step.
        pictures: as SVG.
    """
    found = "".join(f"<li><b>{escape(f.severity)}</b>: {escape(f.message)}</li>" for f in findings)
    drawn = "".join(f"<figure>{_inside(picture)}</figure>" for picture in pictures)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Watched run</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 system-ui,sans-serif;'
        "max-width:50rem;margin:2rem auto;padding:0 1rem}figure{margin:1.5rem 0}svg{max-width:100%;height:auto}"
        f"</style><h1>Watched run</h1><p>{len(history.calls)} calls on {len(history.steps)} steps.</p>"
        f"<ul>{found or '<li>No findings at the last watched step.</li>'}</ul>{drawn}</html>\n"
    )


def _inside(picture: str) -> str:
    return picture[picture.index("<svg") :]


def _range(shown: Grid) -> tuple[float, float]:
    if not shown.logarithmic:
        return 0.0, 1.0
    sizes = shown.values[np.isfinite(shown.values) & (shown.values > 0)]
    return (float(sizes.min()), float(sizes.max())) if len(sizes) else (1.0, 1.0)


def _shade(value: float, low: float, high: float, *, logarithmic: bool) -> str:
    if np.isnan(value):
        return " "
    if np.isinf(value):
        return "!"
    share = value
    if logarithmic:
        share = 0.0 if value <= 0 or high <= low else float(np.log(value / low) / np.log(high / low))
    return _SHADES[int(np.clip(np.ceil(share * (len(_SHADES) - 1)), 0, len(_SHADES) - 1))]
