"""Kill, resume, share, and lose a worker: with real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nonlin.errors import InvalidInputError
from nonlin.experiments import compare
from nonlin.experiments.store import open_store

ASKED = {
    "functions": "relu,tanh,elu",
    "task": "spirals",
    "seeds": 3,
    "budget": 60,
    "rates": [0.003, 0.01, 0.03],
}
TRIALS = 3 * (3 * 2 + 2 * 2 + 3)
TIMED = ("step_seconds", "target_seconds")


def table(study):
    return [{k: v for k, v in row.items() if k not in TIMED} for row in study.to_dict()["table"]]


@pytest.fixture(scope="module")
def expected():
    return table(compare(**ASKED, jobs=1))


def command(store, *more):
    asked = json.dumps({**ASKED, "store": str(store), "resume": True, "jobs": 1})
    code = f"import json; from nonlin import compare; compare(**json.loads({asked!r}){''.join(more)})"
    return [sys.executable, "-c", code]


def count(store):
    with open_store(store) as opened:
        return sum(len(opened.trials(key)) for (key,) in opened._run("SELECT key FROM studies").fetchall())


def test_killed_at_any_moment_and_resumed(tmp_path, expected):
    store, counts = tmp_path / "study.sqlite", []
    for wanted in (1, 15):
        process = subprocess.Popen(command(store))
        while process.poll() is None and (not store.exists() or count(store) < wanted):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts.append(count(store))
    assert 0 < counts[0] <= counts[1] < TRIALS
    with pytest.raises(InvalidInputError, match="add --resume"):
        compare(**ASKED, store=store, jobs=1)
    study = compare(**ASKED, store=store, resume=True, jobs=1)
    assert len(study.trials) == len({trial.key for trial in study.trials}) == TRIALS
    assert table(study) == expected


def test_two_processes_share_a_store(tmp_path, expected):
    store = tmp_path / "study.sqlite"
    both = [subprocess.Popen(command(store)) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    study = compare(**ASKED, store=store, jobs=1)  # it is whole: nothing is trained
    assert len(study.trials) == TRIALS
    assert table(study) == expected


def test_several_processes_give_the_same_table(expected):
    pytest.importorskip("joblib")
    assert table(compare(**ASKED, jobs=2)) == expected


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_trial_is_counted_once(kind, tmp_path, expected):
    place = tmp_path / "study.sqlite"
    if kind == "postgresql":
        place = os.environ.get("NONLIN_TEST_POSTGRESQL")
        if not place:
            pytest.skip("NONLIN_TEST_POSTGRESQL names no server")
    study = compare(**ASKED, store=place, resume=True, jobs=1)
    with open_store(place) as opened:
        opened.save("other", "unit", study.trials)
        opened.save("other", "unit", study.trials)
        assert len(opened.trials("other")) == TRIALS
        assert opened.claim("other", "unit")
    assert table(study) == expected


def test_a_lost_worker_takes_nothing_with_it(tmp_path, expected):
    distributed = pytest.importorskip("distributed")
    place = tmp_path / "scheduler.json"
    started = [
        start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", place, "--host", "127.0.0.1")
    ]
    try:
        while not place.exists():
            time.sleep(0.1)
        address = json.loads(place.read_text())["address"]
        workers = [
            start("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny") for _ in range(2)
        ]
        started += workers
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=100)
        seen = []

        def progress(done, total):
            seen.append((done, total))
            if len(seen) == 3:
                os.kill(workers[0].pid, signal.SIGKILL)

        study = compare(**ASKED, store=tmp_path / "study.sqlite", on=address, progress=progress)
        assert workers[0].wait() == -signal.SIGKILL
        assert seen[-1][0] == seen[-1][1]
        assert len(study.trials) == len({trial.key for trial in study.trials}) == TRIALS
        assert table(study) == expected
    finally:
        for process in started:
            process.kill()
            process.wait()


def start(*words):
    return subprocess.Popen([sys.executable, "-m", "dask", *map(str, words)], stderr=subprocess.DEVNULL)
