"""Millions of cells in a Parquet file: written as they are found, read back one by one."""

import json
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError, MissingInputError
from nonlin.geometry.cells.cell import Cell
from nonlin.geometry.cells.cells import Cells
from nonlin.geometry.units import Units, units_of
from nonlin.networks.array import Array

__all__ = ["read_cells", "write_cells"]

_GROUP = 4096
"""Cells that are held before they are written."""


def write_cells(found: Cells, path: str | Path, *, progress: Callable[[int], None] | None = None) -> int:
    """Write every cell into a Parquet file as it is found; memory stays flat.

    Columns are the fields of `Cell`, with arrays flattened (their last axis has as many entries as the slice has
    coordinates), the volume, and for each facet the call and the unit that make it, "" and −1 for a side of the domain.
    Stopped by Ctrl-C, the file holds what was found until then.

    Args:
        found: as `plane`, `box` or `space` returns it. Where it was stopped, so many cells as were counted are taken.
        path: of the file; replaced when the new one is whole.
        progress: called with the number of cells so far.

    Returns:
        How many cells were written.

    Raises:
        MissingDependencyError: if pyarrow is not installed.
        MissingInputError: if the folder does not exist.
    """
    arrow, parquet = _pyarrow()
    place = Path(path)
    if not place.parent.is_dir():
        raise MissingInputError(
            f"expected a folder to write into, but there is no {place.parent}; make it first"
        )
    units, written = units_of(found), 0
    about = {"dimensions": found.problem.domain.dimensions, "calls": units.calls}
    schema = _schema(arrow).with_metadata({"nonlin": json.dumps(about)})
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as folder:
        temporary = Path(folder) / "cells"
        with parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            try:
                for rows in _groups(found, units):
                    writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
                    written += len(rows)
                    if progress is not None:
                        progress(written)
            except KeyboardInterrupt:
                pass  # the caller sees from the number that it is not all
        temporary.replace(place)
    return written


def read_cells(path: str | Path) -> Iterator[Cell]:
    """Yield the cells of a file that `write_cells` has written, one after the other.

    Raises:
        MissingDependencyError: if pyarrow is not installed.
        MissingInputError: if there is no such file.
        InvalidInputError: if it is another file.
    """
    _, parquet = _pyarrow()
    if not Path(path).is_file():
        raise MissingInputError(f"expected a Parquet file of cells, but there is no {path}; check the path")
    try:
        file = parquet.ParquetFile(path)
        about = json.loads((file.schema_arrow.metadata or {})[b"nonlin"])
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInputError(
            f"expected a Parquet file that write_cells has written, got {path}; write it again"
        ) from error
    with file:
        for batch in file.iter_batches(batch_size=_GROUP):
            for row in batch.to_pylist():
                yield _cell(row, int(about["dimensions"]))


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependencyError("Parquet files need pyarrow: pip install 'nonlin[parquet]'") from error


def _schema(arrow: Any) -> Any:
    numbers, text = arrow.list_(arrow.float64()), arrow.string()
    facet = arrow.struct(
        [
            ("call", text),
            ("unit", arrow.int64()),
            ("pattern_unit", arrow.int64()),
            ("kink", arrow.int64()),
            ("rays", arrow.list_(arrow.int32())),
        ]
    )
    return arrow.schema(
        [
            ("vertices", numbers),
            ("directions", numbers),
            ("volume", arrow.float64()),
            ("pattern", arrow.binary()),
            ("weight", numbers),
            ("bias", numbers),
            ("facets", arrow.list_(facet)),
        ]
    )


def _groups(found: Cells, units: Units) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    try:
        for cell in islice(found.cells, found.count):
            rows.append(_row(cell, units))
            if len(rows) == _GROUP:
                yield rows
                rows = []
    except KeyboardInterrupt:
        if rows:
            yield rows
        raise
    if rows:
        yield rows


def _row(cell: Cell, units: Units) -> dict[str, Any]:
    return {
        "vertices": cell.vertices.ravel().tolist(),
        "directions": cell.directions.ravel().tolist(),
        "volume": cell.volume,
        "pattern": cell.pattern.astype(np.int8).tobytes(),
        "weight": cell.weight.ravel().tolist(),
        "bias": cell.bias.tolist(),
        "facets": [
            {
                "call": units.calls[units.call[unit]] if unit >= 0 else "",
                "unit": int(units.unit[unit]) if unit >= 0 else -1,
                "pattern_unit": unit,
                "kink": kink,
                "rays": np.flatnonzero(cell.incidence[:, k]).tolist(),
            }
            for k, (unit, kink) in enumerate(cell.facets)
        ],
    }


def _cell(row: dict[str, Any], dimensions: int) -> Cell:
    def rows(name: str) -> Array:
        return np.array(row[name], np.float64).reshape(-1, dimensions)

    vertices, directions = rows("vertices"), rows("directions")
    incidence = np.zeros((len(vertices) + len(directions), len(row["facets"])), bool)
    for k, facet in enumerate(row["facets"]):
        incidence[facet["rays"], k] = True
    return Cell(
        vertices=vertices,
        directions=directions,
        pattern=np.frombuffer(row["pattern"], np.int8),
        weight=rows("weight"),
        bias=np.array(row["bias"], np.float64),
        facets=tuple((facet["pattern_unit"], facet["kink"]) for facet in row["facets"]),
        incidence=incidence,
    )
