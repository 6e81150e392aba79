"""Elementwise operations as expressions: what a tensor is in terms of an earlier one, so that x·sigmoid(x) is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from nonlin.errors import InvalidInputError
from nonlin.functions import Expression
from nonlin.functions.construction import absolute, call, clip, maximum, minimum, sign, substitute, where
from nonlin.functions.expression import Call, Condition, Constant, Piecewise, Variable, nodes

if TYPE_CHECKING:
    from nonlin.functions import Function
    from nonlin.inspection.torch.lineage import Form, Lineages, Value

__all__ = ["ASSIGNMENTS", "KEEPS_VALUE", "combine", "compose", "is_affine"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]
Operand = Any

_LARGEST = 64  # nodes of an expression: the longest written-out activation, GELU by tanh, has 16
_ROOTS = 8  # how many earlier values a tensor is followed to: tanh by exp, 2 / (1 + exp(-2x)) - 1, needs five

KEEPS_VALUE = frozenset(
    {
        "alpha_dropout",
        "bfloat16",
        "clone",
        "contiguous",
        "double",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
    }
    | {
        "feature_alpha_dropout",
        "float",
        "half",
        "identity",
        "alias",
        "native_dropout",
        "to",
        "type",
        "type_as",
    }
)
"""Operations that give their first argument back when dropout is off."""


ASSIGNMENTS = frozenset({"index_put", "setitem"})
"""Operations that write to some entries of their first argument; the second one says to which."""


def combine(name: str, arguments: Arguments, keywords: Keywords, lineages: Lineages) -> dict[Value, Form]:
    """Return the result of an operation in terms of the values that all its tensors are known in.

    Args:
        name: the operation's.
        arguments: as it gets them.
        keywords: the same.
        lineages: of the tensors so far.

    Returns:
        The forms, the earliest value first; empty where the operation is not elementwise, or joins tensors that
        have nothing in common.
    """
    if name in KEEPS_VALUE:
        arguments, name = arguments[:1], "identity"
    if name in ASSIGNMENTS:
        name, arguments = "masked_fill", _masked(arguments, keywords)
    builder = _BUILDERS.get(name)
    if builder is None:
        return {}
    operands = _operands(name, arguments, keywords)
    shape = _common_shape(operands, lineages)
    if shape is None:
        return {}
    known = [_known(operand, shape, lineages) for operand in operands]
    if any(forms is None for forms in known):
        return {}
    roots = _shared([forms for forms in known if isinstance(forms, dict)])
    result: dict[Value, Form] = {}
    for root in roots[-_ROOTS:]:
        form = _build(builder, [forms[root] if isinstance(forms, dict) else forms for forms in known])
        if form is not None:
            result[root] = form
    return result


def compose(function: Function, forms: Mapping[Value, Form]) -> dict[Value, Form]:
    """Return a function of what is known in these forms."""
    if function.expression is None:
        return {}
    result: dict[Value, Form] = {}
    for root, form in list(forms.items())[-_ROOTS:]:
        if isinstance(form, Condition) or _size(form) > _LARGEST:
            continue
        result[root] = substitute(function.expression, x=form)
    return result


def is_affine(form: Form) -> bool:
    """Return whether a form is a x + b as it is written."""
    if isinstance(form, Variable | Constant):
        return True
    if isinstance(form, Condition | Piecewise) or not isinstance(form, Call):
        return False
    if form.operator in ("add", "subtract", "negate"):
        return all(is_affine(operand) for operand in form.operands)
    constant = [isinstance(operand, Constant) for operand in form.operands]
    if form.operator == "multiply":
        return any(constant) and all(is_affine(operand) for operand in form.operands)
    return form.operator == "divide" and constant[1] and is_affine(form.operands[0])


def _operands(name: str, arguments: Arguments, keywords: Keywords) -> list[Operand]:
    operands = list(arguments)
    if not operands and isinstance(keywords.get("input"), torch.Tensor):
        operands.append(keywords["input"])
    if name in ("max", "min") and not isinstance((*operands[1:], None)[0], torch.Tensor):
        return []  # over an axis, or over all
    if name == "clamp":
        low, high = (*operands[1:3], None, None)[:2]
        return [operands[0], keywords.get("min", low), keywords.get("max", high)]
    operands += [keywords[key] for key in ("other", "exponent", "min", "max", "value") if key in keywords]
    alpha = keywords.get("alpha", 1)
    if name in ("add", "sub") and alpha != 1:
        operands.append(alpha)
    if name == "div" and keywords.get("rounding_mode") is not None:
        return []
    return operands


def _masked(arguments: Arguments, keywords: Keywords) -> Arguments:
    """Return what `masked_fill` gets that does the same as an assignment by one mask; () for any other assignment."""
    if len(arguments) < 3 or (*arguments[3:], keywords.get("accumulate"))[0]:
        return ()
    index = arguments[1]
    if isinstance(index, (list, tuple)):
        index = index[0] if len(index) == 1 else None
    is_mask = isinstance(index, torch.Tensor) and index.dtype == torch.bool
    return (arguments[0], index, arguments[2]) if is_mask and index.shape == arguments[0].shape else ()


def _common_shape(operands: Sequence[Operand], lineages: Lineages) -> torch.Size | None:
    shapes = {o.shape for o in operands if isinstance(o, torch.Tensor) and lineages.get(o) is not None}
    return next(iter(shapes)) if len(shapes) == 1 else None


def _known(operand: Operand, shape: torch.Size, lineages: Lineages) -> Any:
    if operand is None or isinstance(operand, (bool, int, float)):
        return "none" if operand is None else float(operand)
    if not isinstance(operand, torch.Tensor):
        return None
    if lineages.get(operand) is not None:
        return lineages.forms(operand) or None
    if operand.dtype.is_complex:
        return None
    if operand.numel() == 1 and operand.dim() <= len(shape):
        # a learnt steepness, or a constant
        return float(operand.item())
    return _everywhere(operand) if operand.shape == shape else None


def _everywhere(filled: torch.Tensor) -> float | None:
    """Return the number that a tensor has everywhere, as one of zeros_like has; None where there are several."""
    if not filled.numel() or filled.layout != torch.strided or filled.dtype == torch.bool:
        return None
    first = filled[(0,) * filled.dim()]
    return float(first.item()) if bool((filled == first).all()) else None


def _shared(known: Sequence[dict[Value, Form]]) -> list[Value]:
    if not known:
        return []
    return [root for root in known[0] if all(root in forms for forms in known[1:])]


def _build(builder: Callable[..., Any], operands: Sequence[Any]) -> Form | None:
    try:
        form = builder(*(None if isinstance(o, str) else o for o in operands))
    except (InvalidInputError, TypeError, ZeroDivisionError):
        # an infinite constant, a power that is not whole: nothing that the language of expressions has
        return None
    if isinstance(form, Condition):
        return form if max(_size(form.left), _size(form.right)) <= _LARGEST else None
    return form if isinstance(form, Expression) and _size(form) <= _LARGEST else None


def _size(form: Expression) -> int:
    return sum(1 for _ in nodes(form))


def _number(operand: Operand) -> Operand:
    return where(operand, 1.0, 0.0) if isinstance(operand, Condition) else operand


def _arithmetic(build: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*operands: Operand) -> Any:
        return build(*(_number(operand) for operand in operands))

    return apply


def _power(base: Operand, exponent: Operand) -> Any:
    if not isinstance(exponent, float):
        return None
    if exponent in (0.5, -0.5):
        root = call("sqrt", base)
        return root if exponent > 0 else 1 / root
    return base ** int(exponent) if exponent >= 0 and exponent % 1 == 0 else 1 / base ** _whole(-exponent)


def _whole(exponent: float) -> int:
    if exponent % 1:
        raise InvalidInputError(f"expected a whole power, got {exponent}; use sqrt")
    return int(exponent)


def _clamp(u: Operand, low: Operand, high: Operand) -> Any:
    if low is not None and high is not None:
        return clip(u, low, high)
    return maximum(u, low) if high is None else minimum(u, high)


def _primitive(name: str) -> Callable[..., Any]:
    return _arithmetic(lambda u: call(name, u))


def _compare(*, less: bool, equal: bool) -> Callable[..., Any]:
    def apply(a: Operand, b: Operand) -> Condition:
        left, right = _number(a), _number(b)
        left = left if isinstance(left, Expression) else Constant(left)
        right = right if isinstance(right, Expression) else Constant(right)
        return Condition(left=left, right=right, less=less, equal=equal)

    return apply


def _where(condition: Operand, yes: Operand, no: Operand) -> Any:
    return where(condition, _number(yes), _number(no)) if isinstance(condition, Condition) else None


_BUILDERS: dict[str, Callable[..., Any]] = {
    "abs": _arithmetic(absolute),
    "add": _arithmetic(lambda a, b, alpha=1.0: a + alpha * b),
    "atan": _primitive("atan"),
    "clamp": _arithmetic(_clamp),
    "clamp_max": _arithmetic(minimum),
    "clamp_min": _arithmetic(maximum),
    "cos": _primitive("cos"),
    "div": _arithmetic(lambda a, b: a / b),
    "erf": _primitive("erf"),
    "exp": _primitive("exp"),
    "expm1": _primitive("expm1"),
    "ge": _compare(less=False, equal=True),
    "gt": _compare(less=False, equal=False),
    "identity": _arithmetic(lambda a: a),
    "le": _compare(less=True, equal=True),
    "log": _primitive("log"),
    "log1p": _primitive("log1p"),
    "lt": _compare(less=True, equal=False),
    "masked_fill": lambda u, condition, value: _where(condition, value, u),
    "max": _arithmetic(maximum),
    "maximum": _arithmetic(maximum),
    "min": _arithmetic(minimum),
    "minimum": _arithmetic(minimum),
    "mul": _arithmetic(lambda a, b: a * b),
    "neg": _arithmetic(lambda a: -a),
    "pow": _arithmetic(_power),
    "rdiv": _arithmetic(lambda a, b: b / a),
    "reciprocal": _arithmetic(lambda a: 1 / a),
    "rsqrt": _arithmetic(lambda a: 1 / call("sqrt", a)),
    "rsub": _arithmetic(lambda a, b: b - a),
    "sign": _arithmetic(sign),
    "sin": _primitive("sin"),
    "sqrt": _primitive("sqrt"),
    "square": _arithmetic(lambda a: a**2),
    "sub": _arithmetic(lambda a, b, alpha=1.0: a - alpha * b),
    "where": _where,
}
