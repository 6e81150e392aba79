"""What writes the code of each primitive: as one number, and as a pair in double-double arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.functions.kernels import (
    elementary,
    oscillating,
    pair_elementary,
    pair_oscillating,
    pair_special,
    pairs,
    special,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nonlin.functions.kernels.emitter import Emitter
    from nonlin.functions.kernels.pairs import Pair

__all__ = ["WRITERS"]

WRITERS: dict[str, tuple[Callable[[Emitter, str], str], Callable[[Emitter, Pair], Pair]]] = {
    "exp": (elementary.exp, pair_elementary.exp),
    "exp_negative": (lambda e, u: elementary.exp_negative(e, e.smaller(u, 0.0)), pair_elementary.exp),
    "expm1": (elementary.expm1, pair_elementary.expm1),
    "expm1_negative": (lambda e, u: elementary.expm1_negative(e, e.smaller(u, 0.0)), pair_elementary.expm1),
    "log": (elementary.log_of, pair_elementary.log),
    "log1p": (elementary.log1p, pair_elementary.log1p),
    "sqrt": (lambda e, u: e.step(f"sqrt({u})"), pairs.square_root),
    "negate": (lambda e, u: e.negate(u), pairs.negate),
    "sigmoid": (special.sigmoid, pair_elementary.sigmoid),
    "softplus": (special.softplus, pair_elementary.softplus),
    "tanh": (special.tanh, pair_elementary.tanh),
    "sech2": (special.sech2, pair_elementary.sech2),
    "tanh_softplus": (special.tanh_softplus, pair_special.tanh_softplus),
    "tanh_softplus_slope": (special.tanh_softplus_slope, pair_special.tanh_softplus_slope),
    "tanh_exp": (special.tanh_exp, pair_special.tanh_exp),
    "tanh_exp_slope": (special.tanh_exp_slope, pair_special.tanh_exp_slope),
    "tanhshrink": (special.tanhshrink, pair_special.tanhshrink),
    "erf": (special.erf, pair_special.erf),
    "gaussian": (special.gaussian, pair_special.gaussian),
    "normal_cdf": (special.normal_cdf, pair_special.normal_cdf),
    "normal_density": (special.normal_density, pair_special.normal_density),
    "sin": (oscillating.sine, pair_oscillating.sine),
    "cos": (oscillating.cosine, pair_oscillating.cosine),
    "atan": (special.atan, pair_special.atan),
    "sinc": (lambda e, u: oscillating.sinc(e, u, 0), lambda e, u: pair_oscillating.sinc(e, u, 0)),
    "sinc1": (lambda e, u: oscillating.sinc(e, u, 1), lambda e, u: pair_oscillating.sinc(e, u, 1)),
    "sinc2": (lambda e, u: oscillating.sinc(e, u, 2), lambda e, u: pair_oscillating.sinc(e, u, 2)),
    "sinc3": (lambda e, u: oscillating.sinc(e, u, 3), lambda e, u: pair_oscillating.sinc(e, u, 3)),
    "hypot1": (special.hypot1, pair_special.hypot1),
    "isru": (special.isru, pair_special.isru),
    "inverse_hypot": (special.inverse_hypot, pair_special.inverse_hypot),
}
