"""Lossless simplification beside onnxsim, onnxslim and onnxoptimizer, on the same files.

    pip install onnxsim==0.8.1 onnxslim==0.1.98 onnxoptimizer==0.4.2
    python benchmarks/simplification_peers.py acasxu=networks/acasxu/*.onnx
    python benchmarks/simplification_peers.py --over 0 1 --effort exact L1-5e-4=sparse/*l1_0.0005_seed_*.onnx

Each argument is a name and a pattern of files, over which the figures are means; of differences the largest is given.
A tool that is not installed, or that fails, says so in its row. Each result is compared with its original as
`nonlin simplify --verify` does; speed is ONNX Runtime's on one thread, the best of many runs of all in turns; what a
tool takes is processor time, its import included.
"""

import argparse
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from importlib import import_module

import numpy as np
import onnx

import nonlin
from nonlin.networks import network_of
from nonlin.networks.onnx_writer import model_of
from nonlin.simplification import verify
from nonlin.simplification.inputs import feeds_of
from nonlin.simplification.running import runner_of
from nonlin.simplification.sizes import seconds_of, size_of

Tool = Callable[[str], onnx.ModelProto]


def onnxsim(path):
    made, checked = import_module("onnxsim").simplify(onnx.load(path))
    if not checked:
        raise RuntimeError("its own check fails")
    return made


def onnxslim(path):
    return import_module("onnxslim").slim(path)


def onnxoptimizer(path):
    return import_module("onnxoptimizer").optimize(onnx.load(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a tool makes of a file; infinite differences where they were not measured."""

    parameters: int
    operations: int
    kilobytes: float
    milliseconds: float
    took: float
    difference: float
    difference_float64: float


def tools(options) -> dict[str, Tool]:
    over = None if options.over is None else tuple(options.over)

    def ours(path, **more):
        return model_of(nonlin.simplify(path, effort=options.effort, **more).network)

    found = {"onnxsim": onnxsim, "onnxslim": onnxslim, "onnxoptimizer": onnxoptimizer, "nonlin": ours}
    if over is not None:
        found[f"nonlin over [{over[0]:g}, {over[1]:g}]"] = lambda path: ours(path, over=over)
    if options.own_rounding:
        found["nonlin, own rounding"] = lambda path: ours(path, own_rounding=True)
    return found


def feed_of(model: onnx.ModelProto, over) -> dict[str, np.ndarray]:
    inputs, run = network_of(model, name="model").inputs, runner_of(model)
    box = None if over is None else {t.name: tuple(map(np.asarray, over)) for t in inputs}
    for feed in feeds_of(inputs, box, np.random.default_rng(0)):
        try:
            run(feed)
        except Exception:  # noqa: BLE001, S112 - another guess of its sizes may fit
            continue
        return feed
    raise RuntimeError("no input fits")


def rows_of(path: str, options) -> dict[str, Row | str]:
    models, took, failed = {"before": onnx.load(path)}, {"before": 0.0}, {}
    for name, tool in tools(options).items():
        start = time.process_time()
        try:
            models[name] = tool(path)
        except ImportError:
            failed[name] = "not installed"
        except Exception as error:  # noqa: BLE001 - a tool's errors have no common base
            failed[name] = str(error).strip().splitlines()[0][:80]
        took[name] = time.process_time() - start
    feed = feed_of(models["before"], options.over)
    seconds = seconds_of(list(models.values()), feed)
    return {
        **{n: row_of(models, n, took[n], s, options.over) for (n, s) in zip(models, seconds, strict=True)},
        **failed,
    }


def row_of(models: dict[str, onnx.ModelProto], name: str, took: float, seconds: float, over) -> Row:
    size = size_of(network_of(models[name], name=name), models[name], None)
    box = tuple(over) if over is not None and "over" in name else None
    agreement = verify(
        *(network_of(models[n], name=n) for n in ("before", name)), over=box, own_rounding=True
    )
    wide = agreement.difference_float64
    return Row(
        parameters=size.parameters,
        operations=size.operations,
        kilobytes=size.bytes / 1000,
        milliseconds=seconds * 1e3,
        took=took,
        difference=agreement.difference,
        difference_float64=float("inf") if wide is None else wide,
    )


def line_of(group: str, tool: str, rows: list[Row | str]) -> str:
    good = [row for row in rows if isinstance(row, Row)]
    if len(good) < len(rows):
        return f"| {group} | {tool} | {next(row for row in rows if isinstance(row, str))} | | | | | | |"

    def mean(name: str) -> float:
        return float(np.mean([getattr(row, name) for row in good]))

    worst = [max(getattr(row, name) for row in good) for name in ("difference", "difference_float64")]
    apart = " | ".join("not run" if np.isinf(d) else f"{d:.0e}" if d else "0" for d in worst)
    return (
        f"| {group} | {tool} | {mean('parameters'):,.0f} | {mean('operations'):.4g} | {mean('kilobytes'):,.1f} | "
        f"{mean('milliseconds'):.4g} | {apart} | {mean('took'):.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("groups", nargs="+", metavar="NAME=PATTERN")
    parser.add_argument("--over", type=float, nargs=2)
    parser.add_argument("--effort", default="linear")
    parser.add_argument("--own-rounding", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| network | tool | parameters | operations | kB | ms a run | float32 | float64 | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for group in options.groups:
        name, _, pattern = group.partition("=")
        table = defaultdict(list)
        for path in sorted(glob(pattern)):  # noqa: PTH207 - the user's pattern may be absolute
            for tool, row in rows_of(path, options).items():
                table[tool].append(row)
        if not table:
            sys.exit(f"expected files, but none is like {pattern}")
        for tool, rows in table.items():
            print(line_of(name, tool, rows), flush=True)


if __name__ == "__main__":
    main()
