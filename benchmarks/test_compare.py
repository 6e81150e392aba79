"""A study of 8 functions and 10 seeds on the digits, and the plain loop that trains one model after the other.

`pytest benchmarks/test_compare.py -s` prints both. Each of the study's processes begins with nothing loaded, and so
does the loop's: what that takes until its first step is measured in a process of its own. The loop's trainings are
timed on a trial of each function and stage, once all is loaded, and scaled by the steps of all trials.
"""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from nonlin.experiments import compare
from nonlin.experiments.candidates import candidates
from nonlin.experiments.problem import Source, open_problem
from nonlin.experiments.training import train_unit
from nonlin.experiments.trial import Unit

START = """
import torch
from sklearn.datasets import load_digits

x = torch.from_numpy(load_digits().data[:32]).float()
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters())
torch.nn.functional.cross_entropy(model(x), torch.zeros(32, dtype=torch.int64)).backward()
optimizer.step()
"""

FUNCTIONS = "relu,leaky_relu,elu,selu,gelu,silu,mish,tanh"


def test_a_study_against_the_plain_loop():
    began = time.perf_counter()
    study = compare(FUNCTIONS, task="digits", seeds=10)
    seconds = time.perf_counter() - began
    problem, plain = open_problem(Source(task="digits")), replace(study.plan, stack=1, inspected=0)
    loop = 0.0
    for candidate in candidates(FUNCTIONS):
        warm = Unit(function=candidate.name, stage="search 1", steps=5, members=((1, 0.001),))
        train_unit(problem, plain, candidate, warm)
        for stage in ("search 1", "final"):
            trials = [t for t in study.trials if t.function == candidate.name and t.stage == stage]
            # not the first seed, on which the cost of a step is timed besides
            first = next(t for t in trials if t.status == "finished" and t.seed != study.plan.seeds[0])
            unit = Unit(
                function=candidate.name, stage=stage, steps=first.steps, members=((first.seed, first.rate),)
            )
            began = time.perf_counter()
            (alone,) = train_unit(problem, plain, candidate, unit)
            taken = time.perf_counter() - began
            assert alone.curves["train_loss"] == pytest.approx(first.curves["train_loss"], rel=5e-3, abs=1e-4)
            # the stages of the search all cost the same a step
            of_kind = [
                t
                for t in study.trials
                if t.function == candidate.name and (t.stage == "final") == (stage == "final")
            ]
            loop += taken / first.last_step * sum(t.last_step for t in of_kind)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", START], check=True)  # noqa: S603 - our own program
    start = time.perf_counter() - began
    print(
        f"\nstudy of {len(study.trials)} trials: {seconds:.1f} s, plain loop {start:.1f} + {loop:.1f} s: "
        f"{(start + loop) / seconds:.2f} times; {loop / seconds:.2f} times the loop without its start"
    )
