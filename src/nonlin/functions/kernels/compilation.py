"""Compiles a kernel once and keeps it: in the process, and on disk for the next one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Expression, nodes
from nonlin.functions.families import family_of
from nonlin.functions.kernels.precision import DOUBLE, FAST, LOOSE, SHORT, SINGLE, TIGHT, Precision
from nonlin.functions.kernels.short import is_short
from nonlin.functions.kernels.source import kernel_source
from nonlin.functions.kernels.specialisation import multiplies_one
from nonlin.functions.parametric import Family, run
from nonlin.functions.primitives import SLOPES
from nonlin.functions.printing import text

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["addressed", "cache_folder", "compiled", "keep", "load", "named", "precise"]

SIMPLE = 2  # primitives in an expression whose errors may be as large as half of the budget

PRECISIONS = {("float64", "accurate"): DOUBLE, ("float64", "fast"): DOUBLE}
PRECISIONS |= {("float32", "accurate"): SINGLE, ("float32", "fast"): FAST}


def cache_folder() -> Path:
    """Return where kernels are kept: `NONLIN_CACHE`, else nonlin in the user's cache folder."""
    if given := os.environ.get("NONLIN_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nonlin"


@cache
def compiled(
    expressions: tuple[Expression, ...], dtype: str, mode: str, *, pull: bool = False
) -> Callable[..., None]:
    """Return the kernel that evaluates expressions on one-dimensional contiguous arrays.

    Args:
        expressions: one output array each, after the inputs.
        dtype: float32 or float64, of all arrays.
        mode: accurate or fast.
        pull: whether a second input array multiplies the outputs.
    """
    family = family_of(expressions)
    if family is not None and mode == "accurate":
        return _with_parameters(*family, pull=pull)
    from nonlin.functions.kernels.addresses import STARTS

    entry, start = addressed(expressions, dtype, mode, pull=pull), STARTS[dtype]

    def kernel(*arrays: Any) -> None:
        entry(arrays[0].size, *map(start, arrays))

    return kernel


@cache
def addressed(
    expressions: tuple[Expression, ...], dtype: str, mode: str, *, pull: bool = False
) -> Callable[..., None]:
    """Return the same kernel as a function of the number of elements and of the addresses of its arrays."""
    from nonlin.functions.kernels.addresses import VIEWS, entry_point

    if mode == "accurate" and family_of(expressions) is not None:
        kernel, view = compiled(expressions, dtype, mode, pull=pull), VIEWS[dtype]
        return lambda size, *addresses: kernel(*(view(address, size) for address in addresses))
    precision = precise(expressions, dtype, mode, pull=pull)
    name = named(expressions, (dtype, precision.name, str(pull)))
    return entry_point(keep(name, lambda: kernel_source(expressions, dtype, precision, pull=pull)).kernel)


def _with_parameters(
    expressions: tuple[Expression, ...], parameters: tuple[tuple[str, float], ...], *, pull: bool
) -> Callable[..., None]:
    """Return the kernel of a family for these values: a sweep over a parameter compiles once."""
    family = Family(names=tuple(name for name, _ in parameters), outputs=expressions, pull=pull)
    values = [np.array([value]) for _, value in parameters]

    def kernel(x: Any, *arrays: Any) -> None:
        gradient, out = (arrays[0], arrays[1:]) if pull else (None, arrays)
        run(family, x, values, gradient=gradient, out=out)

    return kernel


def precise(expressions: tuple[Expression, ...], dtype: str, mode: str, *, pull: bool = False) -> Precision:
    """Return what a kernel of expressions computes with."""
    if (dtype, mode) not in PRECISIONS:
        raise InvalidInputError(f"expected the mode accurate or fast, got {mode!r}; use one of those")
    precision = PRECISIONS[dtype, mode]
    if precision is not SINGLE:
        return precision
    if all(is_short(expression, pull=pull) for expression in expressions):
        return SHORT
    if multiplies_one(expressions):
        return LOOSE
    return TIGHT if _nested(expressions) else SINGLE


def keep(name: str, source: Callable[[], str]) -> Any:
    """Return the module of a kernel: the one on disk, else one that is written there now."""
    return load(name, _stored(name, source))


def _nested(expressions: tuple[Expression, ...]) -> bool:
    inside = {node for expression in expressions for node in nodes(expression) if isinstance(node, Call)}
    steep = {node for node in inside if node.operator in SLOPES}
    powers = sum(node.operator == "power" and node.operands[0] in steep for node in inside)
    # a power multiplies an error
    return sum(2 if "tanh_exp" in node.operator else 1 for node in steep) + 2 * powers > SIMPLE


def named(expressions: tuple[Expression, ...], variant: tuple[str, ...]) -> str:
    """Return a kernel's name, a digest of all that decides its code."""
    key = "\n".join([*map(text, expressions), *variant, _generator()])
    return f"nonlin_kernel_{hashlib.sha256(key.encode()).hexdigest()[:24]}"


@cache
def _generator() -> str:
    """Return a digest of the code that writes kernels, so that a new one is not served by an old cache."""
    folder = Path(__file__).parent
    files = [*sorted(folder.glob("*.py")), folder.parent / "tails.py"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _stored(name: str, source: Callable[[], str]) -> Path:
    folder = cache_folder()
    path = folder / f"{name}.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # another process may be writing the same file: whoever is last puts the same text there
        own = folder / f"{name}.{os.getpid()}.tmp"
        own.write_text(source(), encoding="utf-8")
        own.replace(path)
    return path


def load(name: str, path: Path) -> Any:
    """Return the module that a file of the cache holds, under a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInputError(
            f"expected a kernel in {path}, got none that can be loaded; delete that folder"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
