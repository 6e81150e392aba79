"""Compiles a kernel once and keeps it: in the process, and on disk for the next one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonlin.errors import InvalidInputError
from nonlin.functions.expression import Call, Expression, nodes
from nonlin.functions.kernels.precision import DOUBLE, FAST, SINGLE, TIGHT, Precision
from nonlin.functions.kernels.source import kernel_source
from nonlin.functions.primitives import SLOPES
from nonlin.functions.printing import text

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["cache_folder", "compiled"]

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
    if (dtype, mode) not in PRECISIONS:
        raise InvalidInputError(f"expected the mode accurate or fast, got {mode!r}; use one of those")
    precision = PRECISIONS[dtype, mode]
    if precision is SINGLE and _nested(expressions):
        precision = TIGHT
    name = _name(expressions, (dtype, precision.name, str(pull)))
    path = _stored(name, expressions, (dtype, precision, pull))
    module = _load(name, path)
    kernel: Callable[..., None] = module.kernel
    return kernel


def _nested(expressions: tuple[Expression, ...]) -> bool:
    steep = {
        node
        for expression in expressions
        for node in nodes(expression)
        if isinstance(node, Call) and node.operator in SLOPES
    }
    return sum(2 if "tanh_exp" in node.operator else 1 for node in steep) > SIMPLE


def _name(expressions: tuple[Expression, ...], variant: tuple[str, ...]) -> str:
    key = "\n".join([*map(text, expressions), *variant, _generator()])
    return f"nonlin_kernel_{hashlib.sha256(key.encode()).hexdigest()[:24]}"


@cache
def _generator() -> str:
    """Return a digest of the code that writes kernels, so that a new one is not served by an old cache."""
    folder = Path(__file__).parent
    files = [*sorted(folder.glob("*.py")), folder.parent / "tails.py"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _stored(name: str, expressions: tuple[Expression, ...], variant: tuple[str, Precision, bool]) -> Path:
    folder = cache_folder()
    path = folder / f"{name}.py"
    if not path.exists():
        dtype, precision, pull = variant
        source = kernel_source(expressions, dtype, precision, pull=pull)
        folder.mkdir(parents=True, exist_ok=True)
        # another process may be writing the same file: whoever is last puts the same text there
        own = folder / f"{name}.{os.getpid()}.tmp"
        own.write_text(source, encoding="utf-8")
        own.replace(path)
    return path


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInputError(
            f"expected a kernel in {path}, got none that can be loaded; delete that folder"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
