"""All trials as a table of a file."""

from __future__ import annotations

import csv
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nonlin.experiments.trial import Trial

__all__ = ["write_csv", "write_parquet"]

_NESTED = ("curves", "health")


def write_csv(trials: Sequence[Trial], path: Path) -> Path:
    """Write a line a trial, without curves; an empty field is no number."""
    rows = [_flat(trial) for trial in trials]
    with _written(path, "w") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(trials: Sequence[Trial], path: Path) -> Path:
    """Write a row a trial; each curve and each figure of the activations is a column of lists.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError("Parquet needs pyarrow: pip install 'nonlin[parquet]'") from error
    names = sorted({name for trial in trials for name in trial.curves})
    rows = []
    for trial in trials:
        curves = {f"curve_{name}": list(trial.curves.get(name, ())) for name in names}
        looks = {
            f"health_{key}": [getattr(one, key) for one in trial.health] for key in ("step", "dead", "decay")
        }
        rows.append(_flat(trial) | curves | looks)
    with _written(path, "wb") as file:
        parquet.write_table(pa.Table.from_pylist(rows), file)
    return path


def _flat(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in asdict(trial).items() if name not in _NESTED}


def _written(path: Path, mode: str) -> IO[Any]:
    text = "b" not in mode
    try:
        return path.open(mode, newline="" if text else None, encoding="utf-8" if text else None)
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
