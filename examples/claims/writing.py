"""The page of claims, as Markdown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from claim import DEPENDS, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["row", "written"]

BEFORE = """---
hide: [toc]
---

# The claims

Five articles explain ReLU and its kin to newcomers: "Breaking linearity with ReLU", "How does ReLU activation work?", "Activation
functions and non-linearity", "Why do networks use ReLU for non-linearity?" and "The mathematics of ReLU". This page takes what they
say sentence by sentence, and settles each by a proof or an experiment. Every number and every verdict is computed by a run of

```
python examples/claims
```

in a copy of the repository (it needs `pip install '.[torch]'` and takes about a minute). Proofs and counts come out the same everywhere. What is
trained or timed (in *italics*) differs a little from machine to machine; the times here are of a 2-core AVX-512 machine, one thread. The
trainings are small, on the 540 digits that `nonlin` ships: they show that something happens, not how often it happens elsewhere. The words behind a verdict explain it; they are left out where a run comes
to another one.
"""

WRONG = """## Where the articles are wrong

### A stack of perceptrons is no linear classifier

One perceptron with a step function is: its answer changes across one line. Two layers are not. Here are three perceptrons that compute exclusive or,
which no line can; the regions are those that `nonlin.geometry` finds, bright where the answer is 1.

![Three regions of a network of steps; the middle one, between two parallel lines, holds two opposite corners of the square](images/claims/exclusive_or.svg){.wide}

### ReLU is continuous, and has no derivative at 0

The value has no gap: it is the slope that jumps, from 0 to 1. At the jump itself there is no derivative; libraries declare one, and the usual choice is 0.

![ReLU in blue without a gap, its slope in orange with a jump at 0](images/claims/relu.svg){.wide}
"""

HEAD = "| claim | settled by | found | verdict |\n|---|---|---|---|\n"


def written(articles: Sequence[tuple[str, Sequence[Claim]]]) -> str:
    """Return the page.

    Args:
        articles: the title of each, and its claims.
    """
    verdicts = Counter(claim.verdict for _, claims in articles for claim in claims)
    counted = f"Of {verdicts.total()} claims {verdicts['true']} are true, {verdicts['false']} are false, and {verdicts[DEPENDS]} depend on "
    sections = [
        f"## {title}\n\n{HEAD}{''.join(row(claim) for claim in claims)}" for title, claims in articles
    ]
    return "\n".join([BEFORE, counted + "something that the verdict names.\n", *sections, WRONG])


def row(claim: Claim) -> str:
    """Return a claim as a row of the table."""
    found = claim.found if claim.repeats else f"*{claim.found}*"
    on = f": {claim.on}" if claim.on and claim.verdict == claim.when else ""
    cells = (claim.said, claim.settled, found, f"**{claim.verdict}**{on}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
