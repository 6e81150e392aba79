"""ACAS Xu's properties 1 to 4 on two networks: `OMP_NUM_THREADS=1 python benchmarks/verification_speed.py FOLDER`.

FOLDER holds the ONNX files and the properties. Compiled code is loaded first.
"""

import sys
from pathlib import Path

from nonlin import read
from nonlin.geometry import verify


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
    main(Path(sys.argv[1]))
