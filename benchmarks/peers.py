"""Other tools that judge activations, on the planted faults: python benchmarks/peers.py PEER > PEER.json

PEER is one of the names below; it must be installed. `python benchmarks/peers.py table *.json` prints the table of
docs/faults.md. Each tool is used as its own documentation says, on the case's model, batch and, for its gradients, the
mean of the squared outputs; what it says is put into the kinds of nonlin's findings by its function.
"""

import contextlib
import io
import json
import math
import re
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import torch

from nonlin.testing import faults

Said = set[tuple[str, str]]
"""Kind and place: a module, or a layer."""

NEAR_ZERO = 0.9
"""fastai gives numbers and no verdict: from this share of outputs of at most 0.05 on, a layer counts as called dead."""


def backward(model, data):
    model.zero_grad()
    model(data).square().mean().backward()


def ours(case):
    import nonlin

    report = nonlin.inspect(case.build(), case.data(), batch_size=512)
    return {(f.kind, f.call) for f in report.at_or_above("warning")}


def torchdiag(case):
    import torchdiag

    model, data = case.build(), case.data()
    found = torchdiag.check_dead_neurons(model, data)
    said = {("dead", name) for name, row in found.items() if row["dead_pct"] > 20}  # its "WARNING"
    backward(model, data)
    words = {"EXPLODE": "exploding", "VANISH": "vanishing"}
    for name, row in torchdiag.check_gradients(model).items():
        if row["status"] in words:
            said.add((words[row["status"]], name.rsplit(".", 1)[0]))
    return said


def torch_audit(case):
    from torch_audit.runtime import Auditor

    kinds = {"TA105": "dead", "TA103": "dead", "TA102": "exploding", "TA100": "nonfinite"}
    model, data = case.build().train(), case.data()
    auditor = Auditor(model, optimizer=torch.optim.SGD(model.parameters(), 0.0), every_n_steps=1)
    with auditor:
        output = auditor.forward(data)
        auditor.backward(output.square().mean())
    found = auditor.finish().findings
    return {(kinds[f.rule_id], f.module_path or "") for f in found if f.rule_id in kinds}


def traintools(case):
    from traintools.plasticity import PlasticityProbe

    model, data = case.build(), case.data()
    probe = PlasticityProbe(model)
    with torch.no_grad():
        model(data)
    said = set()
    for layer in probe.measure().layers:
        flags = " ".join(layer.flags).lower()
        said |= {("dead", layer.name)} if "dormant" in flags else set()
        said |= {("low-rank", layer.name)} if "rank" in flags else set()
    return said


def dead_relu_viz(case):
    from dead_relu_viz import visualization

    model, data = case.build(), case.data()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        visualization(model, [(data, torch.zeros(len(data)))], with_activation=True)
    rows = re.findall(r"^  (\S+) ->  (\d+) dead", printed.getvalue(), re.MULTILINE)
    # it judges every layer as if a ReLU followed; the last one is left out for it, as its documentation asks
    return {("dead", name) for name, count in rows if int(count) and name != "out"}


def fastai(case):
    import fastai.callback.progress  # noqa: F401 - gives a Learner no_bar
    from fastai.callback.hook import ActivationStats
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner

    model, data = case.build(), case.data()
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(data, torch.zeros(len(data))), batch_size=len(data)
    )
    stats = ActivationStats()
    learner = Learner(
        DataLoaders(batches, batches), model, loss_func=lambda output, _: output.square().mean(), cbs=stats
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(1, lr=0.0)
    names = {id(module): name for name, module in model.named_modules()}
    said = set()
    for module, rows in zip(stats.modules, stats.stats[0], strict=True):
        for row in (
            rows if isinstance(rows, list) else [rows] if rows else []
        ):  # none where its hook was not called
            if not math.isfinite(row["mean"]):
                said.add(("nonfinite", names[id(module)]))
            elif row["near_zero"] >= NEAR_ZERO:
                said.add(("dead", names[id(module)]))
    return said


PEERS = {
    "nonlin": ours,
    "torchdiag": torchdiag,
    "torch-audit": torch_audit,
    "traintools": traintools,
    "dead-relu-viz": dead_relu_viz,
    "fastai": fastai,
}

LAYERS = {"a", "a → between", "between"}
"""Where the planted layer is meant as well as the call behind it."""


def outcome(case, said):
    """Return what a tool made of a case: "right", "missed", "else" (said something, but not that), "alarm", "clean"."""
    if not case.expected:
        return "alarm" if said else "clean"
    kinds = {kind for kind, _ in case.expected}
    places = {place for _, place in case.expected} | LAYERS
    if any(kind in kinds and place in places for kind, place in said):
        return "right"
    return "else" if said else "missed"


def run(peer):
    counts, errors = {}, Counter()
    for case in faults():
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                made = outcome(case, PEERS[peer](case))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is counted
            made = "failed"
            errors[f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"] += 1
        counts.setdefault(case.fault, Counter())[made] += 1
    measured = version(peer)
    print(json.dumps({"peer": peer, "version": measured, "counts": counts, "errors": errors}, indent=1))


def table(paths):
    results = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    kinds = list(results[0]["counts"])
    print("| planted | cases | " + " | ".join(f"{r['peer']} {r['version']}" for r in results) + " |")
    print("|---|---|" + "---|" * len(results))
    for kind in sorted(kinds, key=lambda kind: (kind in ("healthy", "sparse"), kinds.index(kind))):
        total = sum(results[0]["counts"][kind].values())
        key = "alarm" if kind in ("healthy", "sparse") else "right"
        row = [str(r["counts"][kind].get(key, 0)) for r in results]
        row = [
            f"{n} ({f} failed)" if (f := r["counts"][kind].get("failed")) else n
            for n, r in zip(row, results, strict=True)
        ]
        print(f"| {kind} | {total} | {' | '.join(row)} |")
    for r in results:
        for error, count in r["errors"].items():
            print(f"{r['peer']}: {count} × {error}", file=sys.stderr)


if __name__ == "__main__":
    table(sys.argv[2:]) if sys.argv[1] == "table" else run(sys.argv[1])
