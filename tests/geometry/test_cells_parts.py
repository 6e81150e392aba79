"""Counting in several processes: the same as in one, stopped in the middle, and with a worker that dies."""

import os
import signal

import numpy as np
import pytest
from networks_strategy import Building

from nonlin.functions import function
from nonlin.geometry import box
from nonlin.networks.activation import Activation
from nonlin.networks.affine import Dense


def network():
    rng = np.random.default_rng(0)
    made = Building((3,))
    for inputs, units in ((3, 16), (16, 16)):
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
