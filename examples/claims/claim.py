"""One claim of an article: what was done to settle it, what came out, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["DEPENDS", "Claim", "Verdict", "judged"]

Verdict: TypeAlias = Literal["true", "false", "it depends"]
DEPENDS: Verdict = "it depends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row of the page.

    Args:
        said: the claim, in a sentence.
        settled: the experiment or the proof.
        found: the measured numbers, in words.
        verdict: follows from the numbers.
        on: what it depends on, or why it is false; "" where the numbers say it. These are words for a reader, written for
            one verdict.
        when: the verdict that the words are for; with another one they are left out.
        repeats: whether another run, on another machine, gives the same words: no time, no training.
    """

    said: str
    settled: str
    found: str
    verdict: Verdict
    on: str = ""
    when: Verdict = DEPENDS
    repeats: bool = True


def judged(*, holds: bool, fails: bool) -> Verdict:
    """Return the verdict on a claim.

    Args:
        holds: whether it was seen to hold somewhere.
        fails: whether it was seen to fail somewhere.
    """
    if holds and fails:
        return DEPENDS
    return "true" if holds else "false"
