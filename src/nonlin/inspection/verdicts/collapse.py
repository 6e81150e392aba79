"""The verdict on affine layers in a row."""

from nonlin.inspection.advice import advice
from nonlin.inspection.recording import AffineChain
from nonlin.inspection.result import Finding

__all__ = ["collapse_finding"]


def collapse_finding(chain: AffineChain, samples: int) -> Finding:
    """Return that they are one; a note where as one they would need more parameters."""
    names = " → ".join(chain.layers)
    less = chain.parameters - chain.merged
    message = (
        f"{names}: {len(chain.layers)} affine layers with no non-linearity between are one affine layer; "
    )
    if less > 0:
        message += f"merged, they need {chain.merged:,} parameters instead of {chain.parameters:,}"
    else:
        message += (
            f"merged, they would need {chain.merged:,} parameters, more than the {chain.parameters:,} of this "
            "factorised form, which is a choice and no fault"
        )
    return Finding(
        kind="collapse",
        severity="warning" if less > 0 else "note",
        call=names,
        units=(),
        figure=less,
        threshold=1,
        samples=samples,
        message=message,
        advice=advice("collapse", "")
        if less > 0
        else "nothing to do, unless a non-linearity was meant to stand between",
    )
