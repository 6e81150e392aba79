"""An inspection in the terminal: a table with one row a call, then what was found."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby, takewhile
from math import isnan

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.inspection import Call, CallChange, Changes, Folds, Inspection
from nonlin.inspection.curing import Cause
from nonlin.report.fitting import fitted
from nonlin.report.predicted import print_prediction
from nonlin.report.wording import counted
from nonlin.results import number

__all__ = ["print_changes", "print_inspection"]

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_NOTES_SHOWN = 12

_WORDS = {"call": 20, "function": 12}
"""The columns whose words may be folded, and the width from which on they may be."""

_DISPENSABLE = ("shape", "zeros", "units", "linear", "gradient", "saturated")
"""The columns that a narrow terminal does without, the first of them first."""


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print an inspection; colour and line length are the console's."""
    console.print(_headline(inspection))
    table, left_out = _fitting_table(inspection, console)
    console.print(table)
    console.print(Text(_legend(inspection, left_out)), style="dim")
    console.print()
    _print_findings(inspection, console)
    if inspection.unseen:
        console.print(
            Text.assemble(
                ("Not measured  ", "bold"), f"the activations inside {', '.join(inspection.unseen)}"
            )
        )
    if inspection.box is not None:
        console.print(Text.assemble(("Proven  ", "bold"), _proven(inspection)))
    if inspection.prediction is not None:
        print_prediction(inspection.prediction, console)
    console.print(Text.assemble(("Folds  ", "bold"), _folds(inspection.folds)))
    console.print(Text.assemble(("Verdict  ", "bold"), _verdict(inspection)))


def _headline(inspection: Inspection) -> Text:
    parts = [f"{inspection.parameters:,} parameters", counted("sample", inspection.samples)]
    if inspection.accuracy is not None:
        parts.append(f"accuracy {inspection.accuracy:.1%}")
    return Text.assemble((inspection.model, "bold"), f"   {', '.join(parts)}")


def _fitting_table(inspection: Inspection, console: Console) -> tuple[Table, Sequence[str]]:
    shared = _shared([call.name for call in inspection.calls])
    rows = [_row(call, shared) for call in inspection.calls]

    def make(without: Collection[str]) -> Table:
        return _table([{name: cell for name, cell in row.items() if name not in without} for row in rows])

    return fitted(make, _DISPENSABLE, console)


def _table(rows: Sequence[Mapping[str, Text]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    for name in rows[0] if rows else ():
        longest = max(len(name), *(len(row[name]) for row in rows))
        if name in _WORDS:
            table.add_column(name, overflow="fold", min_width=min(longest, _WORDS[name]), max_width=36)
        else:
            left = name in ("shape", "verdict")
            table.add_column(name, justify="left" if left else "right", no_wrap=True, min_width=longest)
    for row in rows:
        table.add_row(*row.values())
    return table


def _shared(names: Sequence[str]) -> int:
    """Return the length of the folders that all names begin with, if leaving them out shortens the table."""
    parted = [name.split("/")[:-1] for name in names]
    same = takewhile(lambda level: len(set(level)) == 1, zip(*parted, strict=False))
    length = len("/".join(level[0] for level in same))
    return length if len(names) > 1 and length > 1 else 0


def _row(call: Call, shared: int) -> dict[str, Text]:
    """Return the cells of a call by the names of their columns, in the order of the columns."""
    cells = {
        "call": f"…{call.name[shared:]}" if shared else call.name,
        "function": _short(call.function),
        "shape": "×".join(map(str, call.shape)) or "1",
        "units": str(call.units),
        "dead": _share(call.dead, call.units),
        "saturated": _share(call.saturated, call.units),
        "linear": _share(call.linear, call.units),
        "zeros": "–" if isnan(call.sparsity) else f"{call.sparsity:.0%}",
        "mean ± std": "–" if isnan(call.mean) else f"{number(call.mean, 2)} ± {number(call.std, 2)}",
        "gradient": "–" if call.gradient is None else number(call.gradient, 2),
    }
    verdict = Text(call.verdict, style="green" if call.verdict == "healthy" else "yellow")
    return {**{name: Text(cell) for name, cell in cells.items()}, "verdict": verdict}


def _short(function: str) -> str:
    """Return a function's label without the names of its parameters, and with three digits of their values."""
    plain = re.sub(r"\w+=", "", function)
    return re.sub(r"\d+\.\d{3,}", lambda match: f"{float(match.group()):.3g}", plain)


def _share(count: int | None, units: int) -> str:
    if count is None:
        return "–"
    return f"{count} ({count / units:.0%})" if count else "0"


def _legend(inspection: Inspection, left_out: Sequence[str]) -> str:
    if not inspection.calls:
        return "no call of an activation was seen"
    of = inspection.gradient_of
    gradient = f"norm, of {of}" if inspection.recording.has_gradient else of
    names = [call.name for call in inspection.calls]
    shared = _shared(names)
    missing = f"; left out for want of width: {', '.join(left_out)}" if left_out else ""
    return (
        "dead: no gradient on any sample; saturated: mostly on a flat part; linear: constant slope (ReLU: always on); "
        f"gradient: {gradient}{f'; …: {names[0][:shared]}' if shared else ''}"
        f"{missing}"
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
            if finding.severity != "note" and finding.causes:
                console.print(Text(f"         {_cause(finding.causes[0])}", style="dim"))
        console.print(f"         → {advice}", style="dim")
    if len(notes) > _NOTES_SHOWN:
        console.print(
            f"note     … and {len(notes) - _NOTES_SHOWN} more; see the HTML or JSON report", style="dim"
        )
    if inspection.findings:
        console.print()


def _cause(cause: Cause) -> str:
    return f"{cause.likelihood} cause: {cause.name}: {cause.evidence}"


def _proven(inspection: Inspection) -> str:
    bounded = [call for call in inspection.calls if call.proven_dead is not None]
    parts = [f"{call.name} {call.proven_dead} dead, {call.proven_linear} linear" for call in bounded]
    text = f"on every input of the box {inspection.box}: {'; '.join(parts) or 'nothing'}"
    return text + "".join(f"; not beyond {name}" for name in inspection.unbounded)


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
    if not worst and not inspection.calls and inspection.unseen:
        return Text("none: no activation was measured", style="yellow")
    if not worst:
        few = inspection.samples < inspection.thresholds.least_samples
        return Text(
            f"healthy, as far as {counted('sample', inspection.samples)} can tell" if few else "healthy",
            style="green",
        )
    errors, warnings = worst.count("error"), worst.count("warning")
    counts = [counted(word, n) for n, word in ((errors, "error"), (warnings, "warning")) if n]
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
    before, after = ("none" if side is None else number(side) for side in (change.before, change.after))
    return f"{change.call}: {change.figure} {before} → {after}"
