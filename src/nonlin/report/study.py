"""A comparison in the terminal, as an HTML page, as a fragment for a notebook."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nonlin.files import write_whole
from nonlin.report.html import environment

if TYPE_CHECKING:
    from pathlib import Path

    from nonlin.experiments.study import Row, Study

__all__ = ["print_study", "study_fragment", "study_page", "study_text", "write_study"]

_WIDTH = 160

_MEANINGS = (
    "rank: 1, and one more for every function that was found better. test: mean and 95 % interval over the seeds. "
    "spread: standard deviation over the seeds. gap: train minus test. dead: share of dead units at the end. "
    "decay: decades by which the gradient changes from one call to the call before it. µs a step: one model alone."
)


def print_study(study: Study, console: Console) -> None:
    """Print the table and the conclusion."""
    plan = study.plan
    searched = f"{len(plan.rates)} learning rates searched" if len(plan.rates) > 1 else "one learning rate"
    about = f"{len(study.table)} functions, {len(plan.seeds)} seeds, {plan.steps} steps, {searched}"
    console.print(Text.assemble((study.problem, "bold"), f"   {about}"))
    console.print()
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    for name in columns(study):
        words = name in ("function", "verdict")
        table.add_column(name, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for row in study.table:
        table.add_row(*(Text(cell) for cell in cells(study, row).values()))
    console.print(table)
    console.print(Text(_MEANINGS), style="dim")
    console.print()
    console.print(Text(study.conclusion))


def study_text(study: Study) -> str:
    """Return it as plain text."""
    console = Console(file=io.StringIO(), highlight=False, width=_WIDTH, no_color=True)
    print_study(study, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return "\n".join(line.rstrip() for line in text.splitlines())


def study_fragment(study: Study) -> str:
    """Return the table and the conclusion for a notebook."""
    return _rendered("study_fragment.html.jinja", study)


def study_page(study: Study) -> str:
    """Return one HTML page that needs nothing else."""
    from nonlin.pictures.study import study_curves, study_health, study_scores  # it loads matplotlib
    from nonlin.report.figures import embed

    drawn = [
        (embed(study_scores(study), "scores", "Test score of every run, mean and interval of every function"),
         f"Every dot is a run; the line is the 95 % interval of the mean test {study.score} over the seeds."),
        (embed(study_curves(study), "curves", "Loss on training and test data along the training"),
         ("The mean over the runs that are still trained, and one standard deviation: how far the curves are apart at "
         "the end, and how wide the bands are. Nothing was chosen by the test curve.")),
    ]  # fmt: skip
    if any(trial.health for trial in study.trials):
        text = (
            "The activations along the training, on "
            f"{min(study.plan.inspected, len(study.plan.seeds))} seeds: the share of dead units, and the decades by "
            "which the gradient changes from one call to the call before it."
        )
        drawn.append((embed(study_health(study), "health", "Dead share and gradient decay"), text))
    return _rendered("study.html.jinja", study, figures=drawn)


def write_study(study: Study, path: Path) -> Path:
    """Write the page; an existing file is replaced only when the new one is whole."""
    return write_whole(path, study_page(study))


def columns(study: Study) -> list[str]:
    """Return the names of the columns that this study has."""
    return list(cells(study, study.table[0]))


def cells(study: Study, row: Row) -> dict[str, str]:
    """Return a row's cells by the names of their columns."""
    failed = any(other.diverged or other.stopped for other in study.table)
    found = {
        "rank": str(row.rank),
        "function": row.function,
        "rate": f"{row.rate:g}",
        f"test {study.score}": f"{row.test:.4f} [{row.low:.4f}, {row.high:.4f}]",
        "spread": f"{row.spread:.4f}",
        "gap": f"{row.gap:.4f}".replace("-", "−"),
        f"steps to {study.target:.3f}": "–" if row.target_steps is None else f"{row.target_steps:g}",
        "µs a step": _number(row.step_seconds, 1e6, ".0f"),
        "dead": _number(row.dead, 100, ".1f") + ("%" if row.dead is not None else ""),
        "decay": _number(row.decay, 1, "+.2f"),
    }
    if failed:
        found["diverged, stopped"] = f"{row.diverged}, {row.stopped}"
    return found | {"verdict": row.verdict.replace("-", "−")}


def _number(value: float | None, scale: float, form: str) -> str:
    return "–" if value is None else f"{value * scale:{form}}".replace("-", "−")


def _rendered(name: str, study: Study, **more: object) -> str:
    template = environment().get_template(name)
    rows = [cells(study, row) for row in study.table]
    text: str = template.render(study=study, rows=rows, columns=columns(study), meanings=_MEANINGS, **more)
    return text
