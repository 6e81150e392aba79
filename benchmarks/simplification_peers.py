"""Lossless simplification beside onnxsim, onnxslim and onnxoptimizer.

    python benchmarks/simplification_peers.py FILE.onnx …

Prints parameters before, and after each tool that is installed; nonlin on all inputs, and over [0, 1].
"""

import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx

import nonlin


def parameters(model):
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type in (1, 11) and t.dims)


def onnxsim(path):
    return import_module("onnxsim").simplify(onnx.load(path))[0]


def onnxslim(path):
    return import_module("onnxslim").slim(str(path))


def onnxoptimizer(path):
    return import_module("onnxoptimizer").optimize(onnx.load(path))


def main():
    print(
        "| file | before | onnxsim | onnxslim | onnxoptimizer | nonlin | over [0, 1] | units | seconds | difference |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for path in map(Path, sys.argv[1:]):
        row = [path.name, parameters(onnx.load(path))]
        for tool in (onnxsim, onnxslim, onnxoptimizer):
            try:
                row.append(parameters(tool(path)))
            except ImportError:
                row.append("–")
        everywhere = nonlin.simplify(path)
        start = time.perf_counter()
        over = nonlin.simplify(path, over=(0.0, 1.0))
        took = time.perf_counter() - start
        hidden = [size.units for size in (over.before, over.after)]
        row += [
            everywhere.after.parameters,
            over.after.parameters,
            f"{hidden[0]} → {hidden[1]}",
            f"{took:.1f}",
        ]
        row.append(f"{over.agreement.difference:.1e}, {over.agreement.difference_float64:.1e}")
        print("|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
