"""What becomes of a tensor in a forward pass: whether it is an answer, a gate, or goes into the next layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nonlin.inspection.torch.forms import KEEPS_VALUE
from nonlin.inspection.torch.layers import KEEPS_AFFINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.recording import Role

__all__ = ["Fate", "role_of", "use_of"]

Use = Literal["passed", "multiplied", "read"]

_SCALES = frozenset({"add", "div", "iadd", "imul", "isub", "mul", "neg", "radd", "rsub", "sub"})
_PASSING = (
    KEEPS_VALUE
    | KEEPS_AFFINE
    | {
        "cat",
        "chunk",
        "detach",
        "expand",
        "expand_as",
        "getitem",
        "narrow",
        "select",
        "setitem",
        "split",
        "stack",
    }
)


@dataclass(slots=True, kw_only=True, eq=False)
class Fate:
    """What becomes of one tensor.

    Args:
        uses: by what kind of operation it is taken, and the fates of what that makes.
        is_output: whether the model returns it.
    """

    uses: list[tuple[Use, Sequence[Fate]]] = field(default_factory=list)
    is_output: bool = False


def use_of(name: str, tracked: int) -> Use:
    """Return how an operation uses a tensor.

    Args:
        name: the operation's.
        tracked: how many different tensors that come from the input it takes.
    """
    if name in ("mul", "imul") and tracked > 1:
        return "multiplied"
    scales = name in _SCALES
    return "passed" if (scales and tracked == 1) or (not scales and name in _PASSING) else "read"


def role_of(fate: Fate) -> Role:
    """Return what a call's output is for, as `nonlin.inspection.layers.roles` has it for a graph."""
    if _is_answer(fate, {}):
        return "answer"
    return "gate" if _is_gate(fate, {}) else "hidden"


def _is_answer(fate: Fate, known: dict[Fate, bool]) -> bool:
    if fate not in known:
        known[fate] = False  # of what is made from itself, nothing is known
        known[fate] = fate.is_output or (
            bool(fate.uses)
            and all(
                use == "passed" and all(_is_answer(made, known) for made in after) for use, after in fate.uses
            )
        )
    return known[fate]


def _is_gate(fate: Fate, known: dict[Fate, bool]) -> bool:
    if fate not in known:
        known[fate] = False
        known[fate] = not fate.is_output and bool(fate.uses) and all(_gates(*use, known) for use in fate.uses)
    return known[fate]


def _gates(use: Use, after: Sequence[Fate], known: dict[Fate, bool]) -> bool:
    return use == "multiplied" or (
        use == "passed" and bool(after) and all(_is_gate(made, known) for made in after)
    )
