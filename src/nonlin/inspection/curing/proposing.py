"""From findings with their causes to trials: one change for all findings that it is for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nonlin.inspection.curing.change import Change, in_words
from nonlin.inspection.result import Finding

__all__ = ["Proposal", "proposals"]

Key = tuple[str, str]

_NAMED = 4


@dataclass(slots=True, kw_only=True)
class Proposal:
    """What to try.

    Args:
        cause: the likeliest cause that it is for.
        changes: in the order in which they are made.
        targets: the findings that it is for, by kind and call.
    """

    cause: str
    changes: list[Change] = field(default_factory=list)
    targets: list[Key] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The changes in words; they are of one kind."""
        places = list(dict.fromkeys(change.place for change in self.changes))
        if len(places) > _NAMED:
            places[_NAMED:] = [f"{len(places) - _NAMED} more"]
        return in_words(self.changes[0].kind, self.changes[0].function, ", ".join(places))


def proposals(findings: Sequence[Finding], order: Sequence[str]) -> list[Proposal]:
    """Return what to try for the warnings and errors among some findings, the likeliest first.

    What is proposed for several findings of one kind is one proposal, at all their places.

    Args:
        findings: with their causes.
        order: the names of the calls in forward order.
    """
    serious = [finding for finding in findings if finding.severity != "note"]
    made: dict[tuple[str, ...], Proposal] = {}
    ranks: dict[tuple[str, ...], list[int]] = {}
    for finding in serious:
        for rank, (cause, change) in enumerate(_of(finding)):
            key = finding.kind, change.kind, change.function
            proposal = made.setdefault(key, Proposal(cause=cause))
            proposal.targets.append((finding.kind, finding.call))
            ranks.setdefault(key, []).append(rank)
            if change not in proposal.changes:
                proposal.changes.append(change)
    likeliest = sorted(made, key=lambda key: sum(ranks[key]) / len(ranks[key]))
    return [_ordered(proposal, order) for proposal in _distinct(made[key] for key in likeliest)]


def _of(finding: Finding) -> list[tuple[str, Change]]:
    """Return the changes for a finding, the first one of each cause before the second ones."""
    deepest = max((len(cause.proposals) for cause in finding.causes), default=0)
    found: dict[Change, str] = {}
    for level in range(deepest):
        for cause in finding.causes:
            if level < len(cause.proposals):
                found.setdefault(cause.proposals[level], cause.name)
    return [(cause, change) for change, cause in found.items()]


def _distinct(all_of_them: Any) -> Iterator[Proposal]:
    """Join the proposals that make the same changes."""
    seen: dict[frozenset[Change], Proposal] = {}
    for proposal in all_of_them:
        same = seen.setdefault(frozenset(proposal.changes), proposal)
        if same is not proposal:
            same.targets += [key for key in proposal.targets if key not in same.targets]
    yield from seen.values()


def _ordered(proposal: Proposal, order: Sequence[str]) -> Proposal:
    place = {name: i for i, name in enumerate(order)}
    proposal.changes.sort(key=lambda change: place.get(change.call, -1))
    return proposal
