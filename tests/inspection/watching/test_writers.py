"""Every place that a watched run is written to, against the real libraries where they are installed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

import nonlin
from nonlin.errors import InvalidInputError, MissingDependencyError, MissingInputError
from nonlin.inspection.watching import Record, parquet_log
from nonlin.inspection.watching.parquet_log import ParquetLog

RECORD = Record(
    step=0, call="relu", function="relu", units=8, samples=32, dead=0.25, dead_lasting=0.0, lasting_steps=1,
    saturated=0.0, linear=0.0, slope_mean=0.5, mean=float("-inf"), rms=1.0, gradient_rms=None, values=256,
)  # fmt: skip


class CrashError(Exception):
    """The process ends here."""


def steps(first, last):
    return [[replace(RECORD, step=step, call=call) for call in ("a", "b")] for step in range(first, last)]


@pytest.fixture
def short_parts(monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(parquet_log, "_ROWS", 6)


def test_parquet_gives_back_what_was_written(tmp_path, short_parts):
    path = tmp_path / "run.parquet"
    log, written = ParquetLog(path), []
    for records in steps(0, 10):
        log.write(records)
        written += records
        assert list(nonlin.read_log(path)) == written  # while it is written
    log.close()
    assert list(nonlin.read_log(path)) == written
    assert not list(path.glob("_*"))
    again = ParquetLog(path)
    again.write(steps(10, 11)[0])
    again.close()
    assert nonlin.read_log(path).steps == tuple(range(11))
    frame = pytest.importorskip("pandas").read_parquet(path)
    assert len(frame) == 22
    assert frame.gradient_rms.isna().all()


def test_parquet_with_a_crash_in_every_act(tmp_path, short_parts, monkeypatch):
    for act in ("write_table", "replace", "unlink"):
        path = tmp_path / f"{act}.parquet"
        log, written = ParquetLog(path), []

        def crash(*_arguments, **_keywords):
            raise CrashError

        with monkeypatch.context() as patch:
            target = __import__("pyarrow.parquet").parquet if act == "write_table" else parquet_log.Path
            patch.setattr(target, act, crash)
            with pytest.raises(CrashError):  # noqa: PT012 - it comes at some step
                for records in steps(0, 10):
                    written += records
                    log.write(records)
        assert len(written) == 6
        assert list(nonlin.read_log(path)) == written
        later = ParquetLog(path)
        later.write(steps(3, 4)[0])
        later.close()
        assert nonlin.read_log(path).steps == (0, 1, 2, 3)
        assert len(nonlin.read_log(path)) == 8


RUN = """
    import torch, nonlin
    from torch import nn
    from nonlin.inspection.watching import parquet_log
    parquet_log._ROWS = 5
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    with nonlin.watch(model, every=1, path={path!r}, first_step={first}):
        while True:
            model(torch.ones(8, 4)).sum().backward()
"""


@pytest.mark.parametrize("name", ["run.parquet", "run.jsonl"])
def test_a_run_killed_at_any_moment_can_be_read(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    for attempt in range(2):
        old = nonlin.read_log(path) if path.exists() else []
        before, first = len(old), old[-1].step + 1 if old else 0
        run = textwrap.dedent(RUN.format(path=str(path), first=first))
        process = subprocess.Popen([sys.executable, "-c", run])
        seen, end = -1, time.monotonic() + 90
        while seen < before + 40 + 7 * attempt and time.monotonic() < end:
            time.sleep(0.02)
            seen = (
                len(nonlin.read_log(path))
                if path.exists() and (path.is_file() or any(path.iterdir()))
                else -1
            )
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        history = nonlin.read_log(path)
        assert len(history) >= seen >= before + 40
        assert all(record.gradient_rms is not None for record in history)
        assert [r.step for r in history[before:]] == [first + i // 2 for i in range(len(history) - before)]


def test_parquet_refuses_what_it_cannot_do(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    with pytest.raises(MissingInputError, match="make it first"):
        ParquetLog(tmp_path / "no" / "run.parquet")
    with pytest.raises(InvalidInputError, match="without a part"):
        nonlin.read_log(tmp_path)
    (tmp_path / "part-000001.parquet").write_text("shopping")
    with pytest.raises(InvalidInputError, match="reading failed"):
        nonlin.read_log(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependencyError, match=r"pip install nonlin\[parquet\]"):
        ParquetLog(tmp_path / "run.parquet")


def watched(writer, train_step=lambda _: None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    with nonlin.watch(model, every=2, writers=[writer]) as log:
        for step in range(5):
            model(torch.randn(8, 4)).sum().backward()
            train_step(step)
    return log.history


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        history = watched(writer)
    events = EventAccumulator(str(tmp_path)).Reload()
    for figure in ("dead", "rms", "gradient_rms", "slope_mean"):
        shown = [(e.step, e.value) for e in events.Scalars(f"nonlin.{figure}/1")]
        assert shown == [(r.step, pytest.approx(getattr(r, figure))) for r in history]
    assert len(history) == 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("logs", [True, False], ids=["with the user's rows", "alone"])
def test_weights_and_biases_offline(tmp_path, monkeypatch, logs):
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    run = wandb.init(mode="offline", project="nonlin", dir=tmp_path, settings=wandb.Settings(silent=True))
    try:
        history = watched(run, (lambda step: run.log({"loss": 1.0}, step=step)) if logs else lambda _: None)
    finally:
        run.finish()
    end = time.monotonic() + 30
    rows = []
    while len(rows) < (5 if logs else 3) and time.monotonic() < end:  # the library's process writes it
        time.sleep(0.1)
        rows = rows_of(next(tmp_path.rglob("*.wandb")))
    shown = [(row["nonlin.step"], row["nonlin.rms/1"]) for row in rows if "nonlin.step" in row]
    assert shown == [(r.step, pytest.approx(r.rms)) for r in history]
    assert sum("loss" in row for row in rows) == (5 if logs else 0)


def rows_of(path):
    """Read the history of an offline run: LevelDB's log format behind seven bytes, in blocks of 32 KiB."""
    from wandb.proto import wandb_internal_pb2

    content, at, whole, rows = path.read_bytes(), 7, b"", []
    while at + 7 < len(content):
        if 2**15 - at % 2**15 < 7:
            at += 2**15 - at % 2**15
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            record = wandb_internal_pb2.Record.FromString(whole)
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                rows.append({i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items})
            whole = b""
    return rows


def test_other_writers_are_refused():
    with pytest.raises(InvalidInputError, match=r"SummaryWriter or the run .* got str"):
        watched("runs")
