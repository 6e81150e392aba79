"""What was folded: a line, a plane, a box, the whole space or one region; in the terminal, as HTML, as JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.geometry import Cells, Count, Line, Polyline, Region, Subdivision
from nonlin.report.braille import plot
from nonlin.report.html import environment
from nonlin.report.region import region_headline, region_rows, region_sentences
from nonlin.results import number

__all__ = ["Folded", "fold_json", "fold_page", "print_fold"]

_LISTED = 12
"""So many folds of a line, or curves of a boundary, are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a user asked to fold, and what was found.

    Args:
        model: what it is called.
        where: in words, such as "on the line from sample 0 to sample 1".
        line: of a line.
        region: of one sample.
        cells, count: of the others.
        made: of a plane with its cells; None where there are too many, or it is no plane.
        ranges: for each output that was asked for, its least and largest value and its steepest slope.
        output: which output the pictures show.
        marks: points of a plane to name.
        labels: of its axes.
        notes: what else a reader should know.
    """

    model: str
    where: str
    line: Line | None = None
    region: Region | None = None
    cells: Cells | None = None
    count: Count | None = None
    made: Subdivision | None = None
    ranges: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    output: int = 0
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    labels: tuple[str, str] = ("s", "t")
    notes: tuple[str, ...] = ()


def print_fold(folded: Folded, console: Console) -> None:
    """Print what was found."""
    console.print(Text.assemble((folded.model, "bold"), f"   {folded.where}"))
    console.print(Text(_headline(folded)))
    if folded.line is not None:
        _print_curve(folded.line, folded.output, console)
    columns, rows = _rows(folded)
    if rows:
        console.print()
        console.print(_table(columns, rows))
    for sentence in _sentences(folded):
        console.print(Text(sentence))


def fold_page(folded: Folded, pictures: Mapping[str, Markup]) -> str:
    """Return a page that needs no other file.

    Args:
        folded: what was found.
        pictures: each <svg> element with its caption.
    """
    columns, rows = _rows(folded)
    return (
        environment()
        .get_template("question.html.jinja")
        .render(
            title=folded.model,
            kind=f"Folds of a piecewise linear network, {folded.where}",
            heading="The calls" if folded.region is None else "The nearest folds",
            headline=_headline(folded),
            columns=columns,
            rows=rows,
            sentences=_sentences(folded),
            pictures=pictures,
        )
    )


def fold_json(folded: Folded) -> str:
    """Return the figures: counts, bounds, folds, the decision boundary; the cells themselves go into Parquet."""
    data: dict[str, Any] = {"model": folded.model, "where": folded.where}
    if folded.line is not None:
        data |= folded.line.to_dict()
    if folded.region is not None:
        data |= folded.region.to_dict()
    if folded.count is not None:
        data |= folded.count.to_dict()
    if folded.made is not None:
        data |= folded.made.to_dict()
    if folded.ranges:
        data["outputs"] = {
            str(i): {"low": _finite(low), "high": _finite(high), "slope": slope}
            for i, (low, high, slope) in folded.ranges.items()
        }
    return json.dumps(data | {"notes": list(folded.notes)}, indent=2, ensure_ascii=False, allow_nan=False)


def _finite(x: float) -> float | None:
    """Return a number, or None where it is infinite, which JSON does not know."""
    return x if np.isfinite(x) else None


def _headline(folded: Folded) -> str:
    if folded.region is not None:
        return region_headline(folded.region)
    return str(folded.line if folded.line is not None else folded.cells)


def _print_curve(line: Line, output: int, console: Console) -> None:
    rising = np.concatenate([[True], np.diff(line.positions) > 0])
    curve = line.outputs.reshape(len(line.outputs), -1)[rising, output]
    console.print()
    for dots in plot(line.positions[rising], [(curve, "bold blue")], rows=8):
        console.print(dots)
    console.print(Text(f"output {output} along the line, t from 0 to 1", style="dim"))


def _rows(folded: Folded) -> tuple[list[str], list[list[str]]]:
    """Return the table of calls: its columns and its rows."""
    if folded.line is not None:
        counts = Counter(folded.line.calls)
        names = [node.name for node in folded.line.network.nodes if node.name in counts]
        return ["call", "folds"], [[name, f"{counts[name]:,}"] for name in names]
    if folded.region is not None:
        return region_rows(folded.region)
    after = {} if folded.count is None else folded.count.after
    columns, made = ["call", "regions after it"], folded.made
    if made is None:
        return columns, [[name, f"{n:,}"] for name, n in after.items()]
    lengths = made.folds.lengths()
    rows = [
        [
            name,
            f"{after[name]:,}" if name in after else "–",
            f"{int((made.folds.call == i).sum()):,}",
            number(lengths[name]),
        ]
        for i, name in enumerate(made.folds.calls)
    ]
    return [*columns, "segments", "length"], rows


def _table(columns: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _sentences(folded: Folded) -> list[str]:
    found = [] if folded.line is None else _line_sentences(folded.line, folded.output)
    if folded.region is not None:
        found += region_sentences(folded.region)
    if folded.count is not None:
        found += _bounds(folded.count)
    if folded.made is not None:
        found.append(_boundary(folded.made.boundary))
    for i, (low, high, slope) in folded.ranges.items():
        found.append(
            f"Output {i} is between {number(low, 6)} and {number(high, 6)}; its steepest slope is {number(slope, 6)}."
        )
    return [*found, *folded.notes]


def _line_sentences(line: Line, output: int) -> list[str]:
    steps = zip(line.breakpoints.tolist(), line.calls, line.units.tolist(), strict=True)
    listed = [f"{t:.4f} ({call}, unit {unit})" for t, call, unit in steps][:_LISTED]
    more = f" and {len(line.breakpoints) - _LISTED:,} more" if len(line.breakpoints) > _LISTED else ""
    variation = line.total_variation.ravel()[output]
    found = [f"Folds at t = {', '.join(listed)}{more}."] if listed else ["It does not fold there."]
    ends = line.outputs.reshape(len(line.outputs), -1)[[0, -1], output]
    way = f"from {number(ends[0], 6)} to {number(ends[1], 6)}, up and down by {number(variation, 6)} in all"
    return [*found, f"Output {output} goes {way}."]


def _bounds(count: Count) -> list[str]:
    if count.certified and not count.after:
        return ["Nothing in this network folds."]
    name, most = ("Serra 2018", count.serra) if count.serra else ("Montúfar 2017", count.arrangement)
    found = [f"No network with these calls has more than {number(float(min(most, 1 << 1000)), 3)} ({name})."]
    if count.montufar is not None:
        found.append(
            f"Some choice of its weights has at least {number(float(count.montufar), 3)} (Montúfar 2014)."
        )
    if count.estimate is not None:
        found.append(
            f"With random weights, about {number(count.estimate, 3)} are expected where all of the "
            "space is looked at (Hanin and Rolnick 2019)."
        )
    return found


def _boundary(curves: tuple[Polyline, ...]) -> str:
    if not curves:
        return "The decision is the same everywhere."
    lengths: dict[tuple[int, int], float] = {}
    for curve in curves:
        lengths[curve.between] = lengths.get(curve.between, 0.0) + curve.length
    ordered = sorted(lengths.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{i} | {k} ({number(length)})" for (i, k), length in ordered[:_LISTED])
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return f"Decision boundary, by its two sides and their length: {listed}{more}."
