"""What every result can be turned into: values of JSON, the frames of pandas and polars, if there; and its numbers."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np

from nonlin.errors import MissingDependencyError

__all__ = ["Result", "columns_of", "number", "plain"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Result:
    """A finished result: immutable, and a value that other programs can read."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values that JSON has; NaN and infinite numbers become None."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def columns(self) -> dict[str, list[Any]]:
        """Return the rows of the result as one list a column, as the data frames of any library take them."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """Return `columns()` as a pandas.DataFrame.

        Raises:
            MissingDependencyError: if pandas is not installed.
        """
        return _library("pandas").DataFrame(self.columns())

    def to_polars(self) -> Any:
        """Return `columns()` as a polars.DataFrame.

        Raises:
            MissingDependencyError: if polars is not installed.
        """
        return _library("polars").DataFrame(self.columns(), infer_schema_length=None)


def plain(value: Any) -> Any:
    """Return a value as JSON has it.

    Arrays and tuples become lists, dataclasses objects of those fields that they print, NaN and the infinities None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def number(x: float, digits: int = 3) -> str:
    """Return a number as people write it: to so many significant digits, with a power of ten where it is far from 1.

    >>> number(0.25), number(281.4, 2), number(12345.6), number(1.5e-7), number(float("nan"))
    ('0.25', '280', '12,346', '1.5 × 10⁻⁷', 'NaN')
    """
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x and not 1e-3 <= abs(x) < 1e6:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", "−")
    short = float(f"{x:.{digits}g}")
    text = f"{x:,.0f}" if abs(short) >= 1000 else f"{short:g}"
    return text.replace("-", "−")


def columns_of(kind: type, rows: Any) -> dict[str, list[Any]]:
    """Return one list a field of dataclasses of one kind, but for fields that they do not print."""
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(kind) if field.repr}


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected {name} for a data frame, but it is not installed: pip install {name}; or use columns()"
        ) from error
