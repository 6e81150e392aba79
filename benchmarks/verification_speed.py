"""ACAS Xu's properties 1 to 4 on two networks, and Lipschitz constants beside the enumeration of all regions.

`OMP_NUM_THREADS=1 python benchmarks/verification_speed.py FOLDER`; FOLDER holds the ONNX files and the properties.
Without it, only the Lipschitz constants are measured. Compiled code is loaded first.
"""

import itertools
import sys
import time
from pathlib import Path

import numpy as np
import torch

from nonlin import read
from nonlin.geometry import box, lipschitz, verify


def constants() -> None:
    print("| network | constant | seconds | parts | all regions, seconds |\n|---|---|---|---|---|")
    lipschitz(network([2, 8, 8, 1]), -1, 1, threads=1)
    box(network([2, 8, 8, 1]), -1, 1).lipschitz(0)
    box(network([3, 8, 8, 1]), -1, 1).lipschitz(0)
    for sizes in ([2, 32, 32, 1], [2, 64, 64, 64, 1], [3, 32, 32, 1], [4, 32, 32, 1], [6, 50, 50, 1]):
        found = lipschitz(network(sizes), -1, 1, threads=1, timeout=10.0)
        every = "–"
        if sizes[0] <= 3:
            start = time.perf_counter()
            exact = box(network(sizes), -1, 1).extremes(0).steepest
            every = f"{time.perf_counter() - start:.2f}"
            assert found.constant[0] <= exact[1]
            assert exact[0] <= found.constant[1]
        print(f"| {sizes} | {found} | {found.seconds:.2f} | {found.nodes:,} | {every} |", flush=True)


def network(sizes):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    modules = [m for layer in layers[:-1] for m in (layer, torch.nn.ReLU())]
    return read(torch.nn.Sequential(*modules, layers[-1]), np.zeros((1, sizes[0]), np.float32))


def main(folder: Path) -> None:
    print("| network | property | status | 1 thread | 2 threads | parts |\n|---|---|---|---|---|---|")
    for name in ("1_1", "3_3"):
        model = folder / f"ACASXU_run2a_{name}_batch_2000.onnx"
        network = read(model)
        verify(network, folder / "prop_1.vnnlib", timeout=1.0, model=model)
        for number in (1, 2, 3, 4):
            prop = folder / f"prop_{number}.vnnlib"
            one, two = (verify(network, prop, threads=threads, model=model) for threads in (1, 2))
            assert one.status == two.status
            assert one.runtime in (None, True)
            seconds = f"{one.seconds:.2f} | {two.seconds:.2f}"
            print(f"| {name} | {number} | {one.status} | {seconds} | {one.nodes:,} |", flush=True)


if __name__ == "__main__":
    constants()
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
