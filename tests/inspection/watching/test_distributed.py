import os
import subprocess
import sys

import pytest
import torch

import nonlin

RANK = """
import os, sys, torch, nonlin
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 12), nn.PReLU(12), nn.Linear(12, 1))
data = torch.randn(64, 6)
parallel = DistributedDataParallel(model)
with nonlin.watch(parallel, every=2, path=f"{folder}/log.jsonl") as log:
    for _ in range(3):
        parallel(data[rank::2]).mean().backward()
assert log.history.steps == (0, 2)
distributed.barrier()
os._exit(0)
"""
"""Leaves without the interpreter's clean-up: PyTorch's own threads abort the process there in one run of ten, also
without nonlin."""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch is built without gloo")
def test_ranks_make_one_record(tmp_path):
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 12), nn.PReLU(12), nn.Linear(12, 1))
    with nonlin.watch(model, every=1) as log:
        model(torch.randn(64, 6)).mean().backward()
    history = nonlin.read_log(tmp_path / "log.jsonl")
    assert history.steps == (0, 2)
    for one, both in zip(log.history, history[:2], strict=True):
        for name, value in one.to_dict().items():
            expected = (
                value * 2 if name == "gradient_rms" else value
            )  # each rank takes the mean of its own half
            assert getattr(both, name) == (
                pytest.approx(expected, rel=1e-5) if isinstance(value, float) else expected
            )
