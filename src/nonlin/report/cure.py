"""What each cure did: a table before and after, in the terminal, as an HTML page, as a fragment for a notebook."""

import io
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.files import write_whole
from nonlin.inspection.curing.result import Cure, Trial
from nonlin.report.html import environment
from nonlin.results import number

__all__ = ["cure_fragment", "cure_page", "cure_text", "print_cure", "write_cure"]

_WIDTH = 160


def print_cure(cure: Cure, console: Console) -> None:
    """Print what was found, what was tried, and what it did."""
    console.print(Text.assemble((cure.model_name, "bold"), f"   {_summary(cure)}"))
    for finding in cure.inspection.at_or_above("warning"):
        console.print(Text.assemble((f"{finding.severity:<8} ", "yellow"), finding.message))
        for cause in finding.causes[:2]:
            console.print(
                Text(f"         {cause.likelihood} cause: {cause.name}: {cause.evidence}", style="dim")
            )
    if cure.trials:
        console.print()
        console.print(_table(cure))
    for reason, alike in groupby(cure.untried, key=lambda change: change.reason):
        names = "; ".join(change.name for change in alike)
        console.print(Text.assemble(("not tried  ", "dim"), f"{names}: {reason}"))
    best = cure.best
    if best is not None:
        console.print(Text.assemble(("Best  ", "bold green"), best.name))
    elif cure.trials:
        console.print(Text("Nothing that was tried helps.", style="yellow"))


def cure_text(cure: Cure) -> str:
    """Return it as plain text."""
    console = Console(file=io.StringIO(), highlight=False, width=_WIDTH, no_color=True)
    print_cure(cure, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return "\n".join(line.rstrip() for line in text.splitlines())


def cure_page(cure: Cure) -> str:
    """Return one HTML page that needs nothing else."""
    template = environment().get_template("cure.html.jinja")
    return template.render(cure=cure, rows=_rows(cure), columns=_columns(cure), summary=_summary(cure))


def cure_fragment(cure: Cure) -> str:
    """Return the table for a notebook."""
    template = environment().get_template("cure_fragment.html.jinja")
    return template.render(cure=cure, rows=_rows(cure), columns=_columns(cure), summary=_summary(cure))


def write_cure(cure: Cure, path: Path) -> Path:
    """Write the page; an existing file is replaced only when the new one is whole."""
    return write_whole(path, cure_page(cure))


def _summary(cure: Cure) -> str:
    count = len(cure.inspection.at_or_above("warning"))
    if not count:
        return "healthy on this data: there is nothing to cure"
    trained = f", each copy trained for {cure.steps} steps" if cure.steps else ""
    tried, helping = len(cure.trials), sum(trial.helps for trial in cure.trials)
    found = f"{count} finding{'s' * (count != 1)}; {tried} change{'s' * (tried != 1)} tried"
    return f"{found}, each on a copy{trained}; {helping or 'none'} of them help{'s' * (helping < 2)}"


def _columns(cure: Cure) -> list[str]:
    columns = ["change", "for", "findings"]
    if cure.steps:
        columns.append("loss")
    if any(trial.accuracy_before is not None for trial in cure.trials):
        columns.append("accuracy")
    return [*columns, "outputs changed", "verdict"]


def _rows(cure: Cure) -> list[dict[str, str]]:
    trials = ([cure.unchanged] if cure.unchanged else []) + list(cure.trials)
    return [_row(trial) for trial in trials]


def _row(trial: Trial) -> dict[str, str]:
    return {
        "change": trial.name,
        "for": trial.cause or "–",
        "findings": f"{len(trial.before)} → {len(trial.after)}",
        "loss": _pair(trial.loss_before, trial.loss_after, number),
        "accuracy": _pair(trial.accuracy_before, trial.accuracy_after, "{:.1%}".format),
        "outputs changed": "–" if trial.outputs_changed is None else f"{trial.outputs_changed:.1%}",
        "verdict": "helps" if trial.helps else trial.reason,
    }


def _pair(before: float | None, after: float | None, form: Callable[[float], str]) -> str:
    if before is None or after is None:
        return "–"
    return f"{form(before)} → {form(after)}"


def _table(cure: Cure) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    columns = _columns(cure)
    for name in columns:
        fold = name in ("change", "verdict")
        table.add_column(
            name, overflow="fold", no_wrap=not fold, justify="left" if fold or name == "for" else "right"
        )
    for row in _rows(cure):
        style = "green" if row["verdict"] == "helps" else ""
        table.add_row(*(Text(row[name], style=style if name == "verdict" else "") for name in columns))
    return table
