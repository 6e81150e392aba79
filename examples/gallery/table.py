"""The tables of the gallery: one row a network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entries import Entry

from nonlin.results import number

__all__ = ["write_table"]

_HEAD = (
    "network", "calls", "units", "samples", "dead", "saturated", "linear", "gradient", "folds", "findings", "s", "MB",
)  # fmt: skip


def write_table(entries: Sequence[Entry], output: Path) -> Path:
    """Write table.md, what the networks are and what was found, from the reports in a folder.

    Columns: dead, saturated and linear count units over all calls that have a slope; gradient is the smallest and the
    largest of the calls over the last call's; folds is the number of pieces on the line; findings are errors, warnings
    and notes.
    """
    lines = ["| network | what | from, licence | shown |", "|---|---|---|---|"]
    lines += [f"| {entry.key} | {entry.what} | {entry.source} | {entry.data} |" for entry in entries]
    lines += ["", f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD)]
    for entry in entries:
        path = output / f"{entry.key}.json"
        if path.exists():
            lines.append(_row(entry, json.loads(path.read_text(encoding="utf-8"))))
    path = output / "table.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _row(entry: Entry, result: dict[str, Any]) -> str:
    report = result.get("report")
    if report is None:
        why = f"refused: {result['refused']}" if "refused" in result else f"left out: {result.get('missing')}"
        return f"| {entry.key} | {why} |" + " |" * (len(_HEAD) - 2)
    calls = report["calls"]
    counts = [sum(call[name] or 0 for call in calls) for name in ("dead", "saturated", "linear")]
    severities = [finding["severity"] for finding in report["findings"]]
    found = [f"{severities.count(s)} {s[0]}" for s in ("error", "warning", "note") if s in severities]
    cells = (
        entry.key,
        len(calls),
        f"{sum(call['units'] for call in calls):,}",
        f"{report['samples']:,}",
        *(f"{count:,}" for count in counts),
        _gradients(calls),
        report["folds"]["pieces"] or "–",
        ", ".join(found) or "–",
        f"{result['seconds']:.1f}",
        f"{result['peak_mb']:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _gradients(calls: Sequence[dict[str, Any]]) -> str:
    seen = [call["gradient"] for call in calls if call["gradient"] is not None]
    if not seen or not seen[-1]:
        return "–"
    return f"{number(min(seen) / seen[-1], 2)} to {number(max(seen) / seen[-1], 2)}"
