"""What `nonlin fold` was asked for, read and folded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from nonlin.cli.loading import load
from nonlin.errors import InvalidInputError
from nonlin.geometry import Cells, count_of, line, region, subdivide
from nonlin.inspection.data import batches_of, read_data
from nonlin.inspection.folding import without_final
from nonlin.inspection.model import TorchModel, open_model
from nonlin.networks import Network
from nonlin.networks.array import Array
from nonlin.networks.evaluation import evaluate
from nonlin.report.fold import Folded

__all__ = ["Asked", "Kind", "fold_asked"]

Kind: TypeAlias = Literal["line", "plane", "box", "space", "region"]
Report: TypeAlias = Callable[[int, int | None], None]

_LISTED = 50_000
"""Regions up to which the folds, the boundary and the ranges are told without being asked for: some seconds."""
_DRAWN = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words of the command line.

    Args:
        model, data: as they were typed.
        kind: where to fold.
        ends: samples, or the ends of a box.
        window: of a plane.
        jobs, on: processes, or a scheduler.
        output: which output to show; None for the answer at the first sample.
    """

    model: str
    data: str | None
    kind: Kind
    ends: tuple[Any, ...]
    window: tuple[float, float, float, float]
    jobs: int
    on: str | None
    output: int | None


def fold_asked(asked: Asked, *, pictured: bool, listed: bool, progress: Report) -> Folded:
    """Read the model and the samples, and fold.

    Args:
        asked: for what.
        pictured: whether the cells of a plane are needed, however many there are.
        listed: whether they are wanted, where there are not too many.
        progress: told of the regions so far, and of how many there may be; of a line of the percents that are done.
    """
    loaded = load(asked.model, what="model")
    points = _points(asked)
    model = open_model(loaded)
    network, name, notes = _network(model, points, asked)
    output = _output(network, points, asked.output)
    if asked.kind == "line":
        a, b = asked.ends
        found = line(network, points[0], points[1], progress=lambda share: progress(round(100 * share), 100))
        return Folded(
            model=name,
            where=f"on the line from {_called(a)} to {_called(b)}",
            line=found,
            output=output,
            notes=notes,
        )
    if asked.kind == "region":
        around = region(network, points[0])
        return Folded(
            model=name,
            where=f"around {_called(asked.ends[0])}",
            region=around[0] if isinstance(around, tuple) else around,
            output=output,
            notes=notes,
        )
    cells, where = _cells(asked, network, points, progress)
    folded = Folded(
        model=name,
        where=where,
        cells=cells,
        count=count_of(cells),
        output=output,
        notes=notes,
        **_axes(asked),
    )
    if not cells.certified and not pictured:
        return folded
    return _looked_into(folded, cells, pictured=pictured, listed=listed, progress=progress)


def _looked_into(folded: Folded, cells: Cells, *, pictured: bool, listed: bool, progress: Report) -> Folded:
    """Go through the cells for folds, boundary and ranges, as far as that is wanted and does not take too long."""
    from dataclasses import replace

    domain = cells.problem.domain
    flat = domain.dimensions == 2 and domain.volume is not None
    if flat and pictured and cells.count > _DRAWN:
        raise InvalidInputError(
            f"expected at most {_DRAWN:,} regions to draw, got {cells.count:,}; choose a smaller --window or --box"
        )
    if not (listed or pictured):
        return folded
    if cells.count > _LISTED and not (flat and pictured):
        note = (
            f"Folds, boundary and ranges are listed up to {_LISTED:,} regions; from Python, for any number."
        )
        return replace(folded, notes=(*folded.notes, note))
    try:
        if flat:
            made = subdivide(cells, progress=lambda n: progress(n, cells.count))
            folded = replace(folded, made=made)
        if cells.certified:
            i = folded.output
            low, high = cells.output_range(i)
            folded = replace(folded, ranges={i: (low, high, cells.lipschitz(i))})
    except KeyboardInterrupt:
        note = "Looking into the regions was stopped; the count is whole."
        return replace(folded, notes=(*folded.notes, note))
    return folded


def _cells(asked: Asked, network: Network, points: list[Array], progress: Report) -> tuple[Cells, str]:
    from nonlin.geometry import box, plane, space

    def report(count: int, share: float) -> None:
        progress(count, max(count, round(count / share)) if share > 0 else None)

    if asked.kind == "plane":
        found = plane(network, *points[:3], window=asked.window, jobs=asked.jobs, progress=report)
        a, b, c = (_called(end) for end in asked.ends)
        return found, f"on the plane through {a}, {b} and {c}"
    if asked.kind == "space":
        return space(network, jobs=asked.jobs, progress=report), "in the whole space of inputs"
    low, high = asked.ends
    found = box(network, low, high, jobs=asked.jobs, on=asked.on, progress=report)
    return found, f"in the box of inputs between {low:g} and {high:g}"


def _axes(asked: Asked) -> dict[str, Any]:
    if asked.kind != "plane":
        return {"labels": ("first input", "second input")}
    a, b, c = (_called(end) for end in asked.ends)
    places = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    return {
        "labels": (f"s, from {a} to {b}", f"t, from {a} to {c}"),
        "marks": dict(zip((a, b, c), places, strict=True)),
    }


def _called(end: str) -> str:
    return f"sample {end}" if end.isdigit() else Path(end).name


def _points(asked: Asked) -> list[Array]:
    """Return the samples that are named; of a box or the space the first of the data, for the shape."""
    if asked.kind in ("box", "space"):
        return [] if asked.data is None else [_sample(asked.data, 0)]
    return [_point(end, asked.data) for end in asked.ends]


def _point(end: str, data: str | None) -> Array:
    if not end.isdigit():
        return np.asarray(next(iter(read_data(Path(end)).values())), np.float64)
    if data is None:
        raise InvalidInputError(
            f"expected --data that sample {end} is taken from, got none; add --data file.npy"
        )
    return _sample(data, int(end))


def _sample(word: str, number: int) -> Array:
    loaded = load(word, what="data")
    data = read_data(loaded) if isinstance(loaded, Path) else loaded
    start = 0
    for batch in batches_of(data, size=1 << 20):
        if number < start + batch.size:
            held = next(iter(batch.inputs.values()))[number - start]
            return np.asarray(held.detach().cpu() if hasattr(held, "detach") else held, np.float64)
        start += batch.size
    raise InvalidInputError(f"expected a sample from 0 to {start - 1}, got {number}; choose one of them")


def _network(model: Any, points: list[Array], asked: Asked) -> tuple[Network, str, tuple[str, ...]]:
    if isinstance(model, TorchModel) and not points:
        raise InvalidInputError(
            f"expected --data to learn the shape of the input of {asked.model}, got none; add --data file.npy"
        )
    whole = model.network(points[0][None].astype(np.float32) if points else np.zeros(0))
    network, cut = without_final(whole)
    name = Path(asked.model).name if ":" not in asked.model else asked.model
    return network, name, ("Folded before the last call, which folds nothing.",) if cut else ()


def _output(network: Network, points: list[Array], asked: int | None) -> int:
    """Return the output that is asked for, or the answer at the first point."""
    if asked is None and not points:
        return 0
    shape = tuple(n or 1 for n in network.inputs[0].shape[1:])
    at = points[0] if points else np.zeros(shape)
    (values,) = evaluate(network, {network.inputs[0].name: at[None]})[:1]
    if asked is not None and asked >= values.size:
        raise InvalidInputError(f"expected --of from 0 to {values.size - 1}, got {asked}; choose one of them")
    return int(values.argmax()) if asked is None else asked
