"""An activation function: an immutable expression with parameters, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError
from nonlin.functions.construction import substitute
from nonlin.functions.differentiation import differentiate
from nonlin.functions.dispatch import apply, form_for
from nonlin.functions.expression import Constant, Expression
from nonlin.functions.families import remember
from nonlin.functions.kinks import kinks
from nonlin.functions.pieces import Piece, affine_pieces
from nonlin.functions.printing import short_text
from nonlin.functions.slope_bound import largest_slope
from nonlin.functions.tails import limit
from nonlin.functions.vector_dispatch import apply_vector
from nonlin.functions.vector_properties import vector_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from nonlin.functions.entry import Entry
    from nonlin.functions.layers import Layers
    from nonlin.functions.moments import Moments
    from nonlin.functions.propagation import Propagation

__all__ = ["Function"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """One activation function with its parameters' values.

    Calling it, `slope` and `curvature` take Python numbers and arrays of float16, float32 and float64, of any
    shape, and return the same kind; integers count as float64. NaN gives NaN, ±inf the limit (NaN where there is
    none). At a kink the slope is the declared one, PyTorch's where PyTorch has the function. A result that is 0
    at ±0 has the sign that the definition gives step by step, in every type; elsewhere, and in torch's own kernels
    of relu, relu6, hardtanh and the shrinks, the sign of a 0 says nothing.

    Args:
        name: canonical name; for a definition of the user's, its text.
        parameters: each parameter's value.
        definition: the expression with `Parameter` nodes; None for a function of a whole vector.
        formula: the definition as text.
        entry: what the catalogue says; None for a definition of the user's.

    >>> from nonlin.functions import function
    >>> function("leaky_relu", negative_slope=0.1)(-2.0)
    -0.2
    """

    name: str
    parameters: Mapping[str, float]
    definition: Expression | None
    formula: str
    entry: Entry | None = None
    defaults: Mapping[str, float] = field(default_factory=dict, repr=False)
    # what evaluates arrays and tensors, by their types: found once, a call costs little beside torch's own
    _forms: dict[type, Callable[..., Any]] = field(default_factory=dict, init=False, repr=False)
    _fast_forms: dict[type, Callable[..., Any]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the parameters unchangeable."""
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Function):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"<nonlin function {self.label}>"

    def __reduce__(self) -> tuple[object, ...]:
        state = (
            self.name,
            dict(self.parameters),
            self.definition,
            self.formula,
            self.entry,
            dict(self.defaults),
        )
        return _restore, state

    @property
    def label(self) -> str:
        """The name, with the parameters that are not at their default; float32 numbers as short as float32 allows.

        A default that was rounded to float32, as ONNX keeps it, is the default.
        """
        usual = {name: (default, float(np.float32(default))) for name, default in self.defaults.items()}
        changed = [f"{k}={short_text(v)}" for k, v in self.parameters.items() if v not in usual.get(k, ())]
        return f"{self.name}({', '.join(changed)})" if changed else self.name

    @property
    def vector(self) -> bool:
        """Whether a value depends on more than one element of the input."""
        return self.definition is None

    @cached_property
    def expression(self) -> Expression | None:
        """The definition with the parameters' values put in; None for a function of a whole vector."""
        if self.definition is None:
            return None
        numbers = {k: Constant(v) for k, v in self.parameters.items()}
        expression = substitute(self.definition, parameters=numbers)
        if self.entry is None or self.parameters != self.defaults:
            remember(expression, self.definition, self.parameters)
        return expression

    def __call__(self, u: Any, *, out: Any = None, fast: bool = False, axis: int | None = None) -> Any:
        """Return the value at u.

        Args:
            u: a number, a NumPy array, a torch tensor or a JAX array.
            out: a NumPy array of the same shape and type to write into; it may be u itself.
            fast: compute float32 and narrower in float32, with an error of at most 4 ULP instead of 0.51, for the
                functions whose catalogue entry says so; the others stay accurate.
            axis: of a function of a whole vector, along which the vectors lie; None for the last.
        """
        if axis is None:
            form = (self._fast_forms if fast else self._forms).get(type(u))
            if form is not None and out is None:
                return form(u)
            if form is not None and type(u) is np.ndarray:
                return form(u, out)
        if self.definition is None:
            axis = -1 if axis is None else axis
            return apply_vector(self.name, self.parameters, u, axis=axis, out=out)
        if axis is not None:
            raise InvalidInputError(
                f"expected an axis only for a function of a whole vector, got {axis} for {self.name}; leave it out"
            )
        expression, quick = self._scalar("value"), fast and self._offers_fast
        form = form_for(expression, u, fast=quick)
        if form is not None:
            (self._fast_forms if fast else self._forms)[type(u)] = form
        return apply(expression, u, out=out, fast=quick)

    def slope(self, u: Any, *, out: Any = None, fast: bool = False) -> Any:
        """Return the first derivative at u, the declared one at a kink; arguments as for the value."""
        expression = differentiate(self._scalar("slope"))
        return apply(expression, u, out=out, fast=fast and self._offers_fast)

    def curvature(self, u: Any, *, out: Any = None) -> Any:
        """Return the second derivative at u; at a kink, that of the piece which declares the slope."""
        return apply(differentiate(differentiate(self._scalar("curvature"))), u, out=out)

    def module(
        self, *, learn: Collection[str] | None = None, channels: int = 1, axis: int | None = None
    ) -> Any:
        """Return a `torch.nn.Module` of the function.

        Args:
            learn: the parameters that learn in it; None for those that the function's paper learns.
            channels: how many values each of these has: 1, or one for each channel of the input.
            axis: of the channels, None for 1; of a function of a whole vector, along which the vectors lie, None for
                the last.
        """
        if self.vector:
            from nonlin.functions.torch_vectors import VectorActivation

            return VectorActivation(self, axis=-1 if axis is None else axis)
        from nonlin.functions.torch_modules import activation_module

        return activation_module(self, learn=learn, channels=channels, axis=1 if axis is None else axis)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the slope jumps, or the value; sorted."""
        return kinks(self._scalar("kinks"))

    @property
    def pieces(self) -> tuple[Piece, ...] | None:
        """The affine pieces from left to right, or None where the function is not piecewise linear."""
        return None if self.expression is None else affine_pieces(self.expression)

    @property
    def largest_slope(self) -> float:
        """The supremum of abs(f') over the reals, inf where it is unbounded; a float search, not a proof."""
        return largest_slope(self._scalar("largest_slope"))

    @property
    def properties(self) -> Any:
        """What is proved, sampled or unknown about the function on the reals: range, kinks, Lipschitz constant.

        `Properties`; for a function of a whole vector `VectorProperties`.

        >>> from nonlin.functions import function
        >>> function("tanh").properties.range.value, function("tanh").properties.range.status
        ((-1.0, 1.0), 'proved')
        """
        if self.vector:
            return vector_properties(self.name, self.parameters)
        # the proofs load python-flint, which nothing else here needs
        from nonlin.functions.properties import properties

        return properties(self._scalar("properties"))

    def moments(
        self, variance: float = 1.0, *, weight_variance: float | None = None, bias_variance: float = 0.0
    ) -> Moments:
        """Return the moments of f(u), u ~ N(0, variance), and what mean-field theory makes of them.

        Args:
            variance: q, above 0.
            weight_variance: σ_w²; None for the one that keeps the variance q.
            bias_variance: σ_b².

        >>> from nonlin.functions import function
        >>> m = function("relu").moments()
        >>> round(m.gain, 6), round(m.chi1, 6), round(m.length_slope, 6)
        (1.414214, 1.0, 1.0)
        """
        from nonlin.functions.moments import as_variance, moments

        given = None if weight_variance is None else as_variance("weight_variance", weight_variance)
        return moments(
            self._scalar("moments"),
            variance=as_variance("variance", variance, positive=True),
            weight_variance=given,
            bias_variance=as_variance("bias_variance", bias_variance),
        )

    def propagation(self, *, weight_variance: float, bias_variance: float = 0.0) -> Propagation:
        """Return how deep a signal reaches through wide layers with these variances; see `propagate`."""
        from nonlin.functions.moments import as_variance
        from nonlin.functions.propagation import propagate

        return propagate(
            self._scalar("propagation"),
            weight_variance=as_variance("weight_variance", weight_variance),
            bias_variance=as_variance("bias_variance", bias_variance),
        )

    def layers(
        self,
        depth: int,
        *,
        weight_variance: float | None = None,
        bias_variance: float = 0.0,
        width: int | None = None,
        seed: int = 0,
    ) -> Layers:
        """Return what deep layers make of a signal and its gradient, layer by layer; see `Layers`.

        Args:
            depth: the number of layers.
            weight_variance: σ_w², the variance of the weights times the width; None for 1/E[f²], its own gain squared.
            bias_variance: σ_b².
            width: None for the prediction, of infinite width; else that of a random network which is tried.
            seed: of that network's weights.

        >>> from nonlin.functions import function
        >>> round(function("sigmoid").layers(10, weight_variance=1.0).decades, 2)
        -5.69
        """
        from nonlin.functions.layers import predicted_layers, random_layers

        weight = self.moments().gain ** 2 if weight_variance is None else weight_variance
        found = predicted_layers(self, depth, weight, bias_variance)
        return found if width is None else random_layers(found, self, width=width, seed=seed)

    @cached_property
    def rests_at_zero(self) -> bool:
        """Whether a flat part means "off" and not "saturated", as in ReLU and unlike in a sigmoid.

        So it is when a flat tail, or a flat piece in the middle, has the value or limit 0, and f(0) = 0 or
        the other tail is not flat.
        """
        if self.expression is None:
            return False
        flat = {side: np.isfinite(limit(self.expression, side)) for side in (-1, 1)}
        zeros = [side for side in (-1, 1) if flat[side] and limit(self.expression, side) == 0]
        middle = any(piece.slope == 0 == piece.intercept for piece in self.pieces or ())
        if not zeros and not middle:
            return False
        return bool(self(0.0) == 0 or any(not flat[-side] for side in zeros))

    @property
    def _offers_fast(self) -> bool:
        return self.entry is not None and self.entry.fast

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.name, tuple(self.parameters.items()), self.definition

    def _scalar(self, what: str) -> Expression:
        if self.expression is None:
            raise InvalidInputError(
                f"expected a function of one number for {what}, got {self.name}, of a whole vector; "
                "call it for its value",
            )
        return self.expression


def _restore(name: str, parameters: dict[str, float], definition: Expression | None, *rest: Any) -> Function:
    formula, entry, defaults = rest
    return Function(
        name=name,
        parameters=parameters,
        definition=definition,
        formula=formula,
        entry=entry,
        defaults=defaults,
    )
