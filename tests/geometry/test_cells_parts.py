"""Counting in several processes: the same as in one, stopped in the middle, and with a worker that dies."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks_strategy import Building

from nonlin.functions import function
from nonlin.geometry import box
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


def network(sizes=(3, 16, 16)):
    rng = np.random.default_rng(0)
    made = Building(sizes[:1])
    for inputs, units in itertools.pairwise(sizes):
        made.add(Dense(weight=rng.normal(size=(units, inputs)), bias=rng.normal(size=units) / 2), (units,))
        made.add(Activation(function=function("relu")))
    return made.network()


def test_two_processes_count_the_same_and_tell_how_far_they_are():
    pytest.importorskip("joblib")
    seen = []
    found = box(network(), -1.0, 1.0, jobs=2, progress=lambda count, share: seen.append((count, share)))
    assert found.certified
    assert found.count == box(network(), -1.0, 1.0).count
    assert seen == sorted(seen)
    assert seen[-1] == (found.count, 1.0)
    assert len(seen) > 8


def test_ctrl_c_keeps_the_parts_that_are_done():
    pytest.importorskip("joblib")

    def stop(count, _share):
        if count > 100:
            raise KeyboardInterrupt

    whole = box(network(), -1.0, 1.0).count
    found = box(network(), -1.0, 1.0, jobs=2, progress=stop)
    assert not found.certified
    assert 100 < found.count < whole
    assert "stopped after" in found.reason
    assert box(network(), -1.0, 1.0, jobs=2).count == whole  # the processes are still of use


INTERRUPTED = """
import signal
import sys

sys.path[:0] = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored here
from test_cells_parts import network
from nonlin.geometry import box

found = box(network((5, 24, 24)), -1.0, 1.0, jobs=2, progress=lambda *_: print("a part", flush=True))
print(found.count, found.certified, found.reason)
"""


def test_ctrl_c_in_a_terminal_reaches_all_processes_and_none_complains():
    pytest.importorskip("joblib")
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, here],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(2):
        assert process.stdout.readline() == "a part\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, "")
    count, certified, *reason = output.splitlines()[-1].split()
    assert certified == "False"
    assert " ".join(reason).startswith(f"stopped after {int(count):,} cells")


@pytest.mark.filterwarnings("default")  # of Dask's own
def test_a_dask_worker_that_dies_changes_nothing():
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'nonlin[cluster]'")
    whole, killed = box(network(), -1.0, 1.0).count, []
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        workers = sorted(client.run(os.getpid).values())
        assert len(set(workers)) == 2

        def kill(_count, _share):
            if not killed:
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])

        found = box(network(), -1.0, 1.0, on=cluster.scheduler_address, progress=kill)
    assert killed
    assert found.certified
    assert found.count == whole
