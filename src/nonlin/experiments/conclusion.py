"""The paragraph under the table, which says no more than the numbers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonlin.experiments.statistics import CONFIDENCE, LEVEL, least_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.experiments.plan import Plan
    from nonlin.experiments.statistics import Pair
    from nonlin.experiments.study import Row

__all__ = ["conclusion"]

_LIMITS = (
    "The seeds vary the initial weights and the order of the samples, not the data: about other data, another model or "
    "a longer training than {steps} steps this says nothing."
)


def conclusion(plan: Plan, rows: Sequence[Row], pairs: Sequence[Pair], *, problem: str, score: str) -> str:
    """Return what follows from a study, and what does not.

    Args:
        plan: of the study.
        rows: of the table, the best first.
        pairs: all of them.
        problem: in words.
        score: accuracy or R².
    """
    return " ".join(
        sentence
        for sentence in (
            _best(rows, problem, score),
            _against_best(rows, pairs),
            _others(rows, pairs),
            _failures(rows),
            _edges(plan, rows),
            _power(len(rows), len(plan.seeds)),
            _LIMITS.format(steps=plan.steps),
        )
        if sentence
    )


def _best(rows: Sequence[Row], problem: str, score: str) -> str:
    best = rows[0]
    first = [row.function for row in rows if row.test == best.test]
    has = "has" if len(first) == 1 else "have"
    return (
        f"On {problem}, {_listed(first)} {has} the highest mean test {score}, {best.test:.4f} "
        f"({CONFIDENCE:.0%} interval {best.low:.4f} to {best.high:.4f} over {best.seeds} seeds)."
    )


def _against_best(rows: Sequence[Row], pairs: Sequence[Pair]) -> str:
    best = rows[0].function
    of_best = {(p.second if p.first == best else p.first): p for p in pairs if best in (p.first, p.second)}
    worse = [row.function for row in rows[1:] if of_best[row.function].different]
    alike = [row.function for row in rows[1:] if row.function not in worse]
    if not worse:
        return f"No difference between {best} and any other function was found (corrected level {LEVEL:g})."
    sizes = ", ".join(f"{name} by {abs(of_best[name].difference):.4f}" for name in worse)
    found = f"{best} differs from {sizes}, paired by seed and corrected for {len(pairs)} pairs at the level {LEVEL:g}."
    return found + (f" No difference from it was found for {_listed(alike)}." if alike else "")


def _others(rows: Sequence[Row], pairs: Sequence[Pair]) -> str:
    best = rows[0].function
    rest = [pair for pair in pairs if best not in (pair.first, pair.second)]
    if not rest:
        return ""
    return f"Among the others, {sum(pair.different for pair in rest)} of {len(rest)} pairs differ."


def _failures(rows: Sequence[Row]) -> str:
    said = [f"{row.function} in {row.diverged} of {row.seeds} runs" for row in rows if row.diverged]
    return (
        f"Diverged: {', '.join(said)}; such a run counts with the best weights that it had before, or as one constant "
        "answer where it had none."
        if said
        else ""
    )


def _edges(plan: Plan, rows: Sequence[Row]) -> str:
    if len(plan.rates) < 2:
        return "The learning rate was given, not searched, and may suit one function better than another."
    ends = (min(plan.rates), max(plan.rates))
    at_edge = [row.function for row in rows if row.rate in ends]
    if not at_edge:
        return ""
    return f"The learning rate of {_listed(at_edge)} is at an end of those searched, and may not be its best."


def _power(functions: int, seeds: int) -> str:
    least = least_seeds(functions)
    if seeds >= least:
        return ""
    return (
        f"With {seeds} seeds the test cannot find one function that differs from all {functions - 1} others, "
        f"whatever the scores; it takes {least}."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
