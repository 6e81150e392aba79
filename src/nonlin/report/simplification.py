"""A simplification in words."""

from collections import defaultdict

from rich.console import Console
from rich.table import Table

from nonlin.results import number
from nonlin.simplification import Agreement, Simplification

__all__ = ["print_agreement", "print_simplification"]


def print_simplification(result: Simplification, console: Console, *, timed: bool = True) -> None:
    """Print sizes, what was removed with its reason, and how far the result is from the original.

    Args:
        result: what to print.
        console: where.
        timed: whether the measured time is printed, which differs from run to run.
    """
    over = f" over {result.box}" if result.box else " on all inputs"
    console.print(f"{result.network.name}: simplified{over}", markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for head in ("before", "after", "change"):
        table.add_column(head, justify="right")
    before, after = result.before, result.after
    for name in ("parameters", "units", "operations", "bytes"):
        old, new = getattr(before, name), getattr(after, name)
        table.add_row(name, f"{old:,}", f"{new:,}", f"{(new - old) / old:+.1%}" if old else "")
    if timed and before.seconds is not None and after.seconds is not None:
        change = (after.seconds - before.seconds) / before.seconds
        table.add_row(
            "milliseconds", f"{before.seconds * 1e3:.4g}", f"{after.seconds * 1e3:.4g}", f"{change:+.1%}"
        )
    console.print(table)
    _print_removed(result, console)
    print_agreement(result.agreement, console)
    for note in result.notes:
        console.print(f"note: {note}", markup=False)


def _print_removed(result: Simplification, console: Console) -> None:
    if not result.removed:
        console.print("no layer and no unit was found that can go")
        return
    rows: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for removal in result.removed:
        rows[removal.kind, removal.node, removal.reason, removal.certificate] += max(1, len(removal.units))
    table = Table(box=None, pad_edge=False)
    for head in ("removed", "at", "why", "certificate"):
        table.add_column(head)
    for (kind, node, reason, certificate), count in rows.items():
        proof = "NOT PROVEN: samples" if certificate == "samples" else certificate
        table.add_row(f"{count} {kind}", node, reason, proof)
    console.print(table)


def print_agreement(agreement: Agreement, console: Console) -> None:
    """Print how far two networks are apart."""
    inputs = ", ".join(f"{count} {name}" for name, count in agreement.samples.items())
    wide = agreement.difference_float64
    second = (
        f"not measured in float64: {agreement.reason}" if wide is None else f"{number(wide, 2)} in float64"
    )
    first = f"{number(agreement.difference, 2)} as stored"
    if agreement.rounding is not None and agreement.difference > 1e-5:
        first += f" (the original's own rounding: {number(agreement.rounding, 2)})"
    console.print(f"largest relative difference on {inputs} inputs: {first}, {second}", markup=False)
    if agreement.float64_only:
        console.print(
            f"on {agreement.float64_only} of them float32 says nothing, since the original's is far from its float64: "
            "compared in float64 only"
        )
