"""2/π times every power of two, modulo whole turns: what reduces the argument of a sine, however large it is.

Source: Payne and Hanek 1983, Radian reduction for trigonometric functions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WORDS", "quarter_turns"]

WORDS = 4  # float64 for each power: 53 bits of the argument, 62 that may cancel, and what the result needs
BITS = 1400


@cache
def quarter_turns() -> tuple[NDArray[np.float64], ...]:
    """Return the words of 2^(b − 1075)·2/π modulo 4 at index b, the biased exponent of a float64 of 1/2 and above.

    Such a float64 is a whole number of 53 bits times 2^(b − 1075), so that its product with them is how many quarters
    of a turn it is.
    """
    from flint import arb, ctx

    with ctx.workprec(BITS + 64):
        scaled = int((2 / arb.pi() * arb(2) ** BITS).floor().unique_fmpz())
    table = np.zeros((WORDS, 2048))
    for exponent in range(1022, 2047):
        shift = exponent - 1075
        rest = Fraction((scaled << shift if shift >= 0 else scaled >> -shift) % (4 << BITS), 1 << BITS)
        for word in range(WORDS):
            table[word, exponent] = float(rest)
            rest -= Fraction(table[word, exponent])
    return tuple(table)
