"""An inspection in the terminal: a table with one row a call, then what was found."""

import re
from collections.abc import Sequence
from itertools import groupby, takewhile

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.inspection import Call, CallChange, Changes, Folds, Inspection

__all__ = ["print_changes", "print_inspection"]

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_NOTES_SHOWN = 12


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print an inspection; colour and line length are the console's."""
    console.print(_headline(inspection))
    console.print(_table(inspection))
    console.print(_legend(inspection), style="dim")
    console.print()
    _print_findings(inspection, console)
    if inspection.unseen:
        console.print(
            Text.assemble(
                ("Not measured  ", "bold"), f"the activations inside {', '.join(inspection.unseen)}"
            )
        )
    console.print(Text.assemble(("Folds  ", "bold"), _folds(inspection.folds)))
    console.print(Text.assemble(("Verdict  ", "bold"), _verdict(inspection)))


def _headline(inspection: Inspection) -> Text:
    parts = [f"{inspection.parameters:,} parameters", f"{inspection.samples:,} samples"]
    if inspection.accuracy is not None:
        parts.append(f"accuracy {inspection.accuracy:.1%}")
    return Text.assemble((inspection.model, "bold"), f"   {', '.join(parts)}")


def _table(inspection: Inspection) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    table.add_column("call", overflow="fold", max_width=36)
    table.add_column("function", overflow="fold", max_width=34)
    table.add_column("shape", overflow="fold")
    for name in ("units", "dead", "saturated", "linear", "zeros", "mean ± std", "gradient"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    shared = _shared([call.name for call in inspection.calls])
    for call in inspection.calls:
        table.add_row(*_row(call, shared))
    return table


def _shared(names: Sequence[str]) -> int:
    """Return the length of the folders that all names begin with, if leaving them out shortens the table."""
    parted = [name.split("/")[:-1] for name in names]
    same = takewhile(lambda level: len(set(level)) == 1, zip(*parted, strict=False))
    length = len("/".join(level[0] for level in same))
    return length if len(names) > 1 and length > 1 else 0


def _row(call: Call, shared: int) -> tuple[str | Text, ...]:
    severe = call.verdict != "healthy"
    shape = "×".join(map(str, call.shape)) or "1"
    return (
        Text(f"…{call.name[shared:]}" if shared else call.name),
        Text(re.sub(r"\w+=", "", call.function)),
        shape,
        str(call.units),
        _share(call.dead, call.units),
        _share(call.saturated, call.units),
        _share(call.linear, call.units),
        f"{call.sparsity:.0%}",
        f"{call.mean:.2g} ± {call.std:.2g}",
        "–" if call.gradient is None else f"{call.gradient:.1e}",
        Text(call.verdict, style="yellow" if severe else "green"),
    )


def _share(count: int | None, units: int) -> str:
    if count is None:
        return "–"
    return f"{count} ({count / units:.0%})" if count else "0"


def _legend(inspection: Inspection) -> str:
    of = inspection.gradient_of
    gradient = f"norm, of {of}" if inspection.recording.has_gradient else of
    names = [call.name for call in inspection.calls]
    shared = _shared(names)
    return (
        "dead: no gradient on any sample; saturated: mostly on a flat part; linear: constant slope (ReLU: always on); "
        f"gradient: {gradient}{f'; …: {names[0][:shared]}' if shared else ''}"
    )


def _print_findings(inspection: Inspection, console: Console) -> None:
    notes = [f for f in inspection.findings if f.severity == "note"]
    shown = [f for f in inspection.findings if f.severity != "note"] + notes[:_NOTES_SHOWN]
    kinds = list(dict.fromkeys((f.severity, f.kind, f.advice) for f in shown))
    shown.sort(key=lambda f: kinds.index((f.severity, f.kind, f.advice)))
    for advice, alike in groupby(shown, key=lambda f: f.advice):
        for finding in alike:
            console.print(
                Text.assemble((f"{finding.severity:<8} ", _STYLES[finding.severity]), finding.message)
            )
        console.print(f"         → {advice}", style="dim")
    if len(notes) > _NOTES_SHOWN:
        console.print(
            f"note     … and {len(notes) - _NOTES_SHOWN} more; see the HTML or JSON report", style="dim"
        )
    if inspection.findings:
        console.print()


def _folds(folds: Folds) -> str:
    if folds.line is None:
        return f"not counted: {folds.reason}"
    kind = "label" if folds.by_label else "answer"
    sure = "certified" if folds.line.certified else "computed in float64, not certified"
    before = ", before the final activation" if folds.on_logits else ""
    return (
        f"the straight line from sample {folds.first} ({kind} {folds.classes[0]}) to sample {folds.second} ({kind} "
        f"{folds.classes[1]}) is folded {len(folds.line.breakpoints)} times into {folds.line.count} linear "
        f"pieces{before} ({sure})"
    )


def _verdict(inspection: Inspection) -> Text:
    worst = [f.severity for f in inspection.findings if f.severity != "note"]
    if not worst:
        few = inspection.samples < inspection.thresholds.least_samples
        return Text(
            f"healthy, as far as {inspection.samples} samples can tell" if few else "healthy", style="green"
        )
    errors, warnings = worst.count("error"), worst.count("warning")
    counts = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return Text(" and ".join(counts), style=_STYLES[worst[0]])


def print_changes(changed: Changes, console: Console, *, since: str) -> None:
    """Print what changed since an older report."""
    console.print(Text(f"\nSince {since}", style="bold"))
    if not changed:
        console.print("nothing has changed")
    for message in changed.appeared:
        console.print(Text.assemble(("new      ", "yellow"), message))
    for message in changed.gone:
        console.print(Text.assemble(("gone     ", "green"), message))
    for change in changed.calls:
        console.print(Text.assemble(("changed  ", "dim"), _change(change)))


def _change(change: CallChange) -> str:
    if change.figure == "units":
        return f"{change.call}: this call is {'new' if change.before is None else 'gone'}"
    before, after = ("none" if side is None else f"{side:.3g}" for side in (change.before, change.after))
    return f"{change.call}: {change.figure} {before} → {after}"
