import json
from dataclasses import FrozenInstanceError, replace
from math import inf, isnan, nan

import pytest

import nonlin
from nonlin import Thresholds
from nonlin.errors import InvalidInputError, MissingDependencyError, MissingInputError
from nonlin.inspection.watching import History, Record
from nonlin.inspection.watching.findings import findings_of
from nonlin.inspection.watching.log_file import LogFile

RECORD = Record(
    step=0, call="relu", function="relu", units=8, samples=32, dead=0.0, dead_lasting=0.0, lasting_steps=1,
    saturated=0.0, linear=0.0, slope_mean=0.5, mean=0.5, rms=1.0, gradient_rms=0.25, values=256,
)  # fmt: skip
VECTOR = replace(
    RECORD,
    call="softmax",
    dead=None,
    dead_lasting=None,
    saturated=None,
    linear=None,
    slope_mean=None,
    gradient_rms=None,
)


def write(path, *steps):
    file = LogFile(path)
    for step in steps:
        file.write([replace(record, step=step) for record in (RECORD, VECTOR)])
    file.close()


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, 0, 25)
    history = nonlin.read_log(path)
    assert list(history) == [replace(r, step=s) for s in (0, 25) for r in (RECORD, VECTOR)]
    assert (history.calls, history.steps) == (("relu", "softmax"), (0, 25))
    assert history.of("softmax").steps == (0, 25)
    assert isinstance(history[1:], History)


def test_every_cut_of_the_file_can_be_read(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, 0, 1)
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        assert len(nonlin.read_log(path)) in (whole, whole + (cut + 1 in ends))


def test_a_run_that_goes_on_cuts_the_broken_line_off(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, 0, 1)
    path.write_bytes(path.read_bytes()[:-20])
    write(path, 2)
    assert [(r.step, r.call) for r in nonlin.read_log(path)] == [
        (0, "relu"), (0, "softmax"), (1, "relu"), (2, "relu"), (2, "softmax"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "left"),
    [
        ([(0, 25, 50), (0, 25)], (0, 25)),
        ([(0, 25, 50), (50, 75)], (0, 25, 50, 75)),
        ([(0, 25, 50), (30, 55)], (0, 25, 30, 55)),
        ([(7,), (7,), (7,)], (7,)),
        ([(3, 4), (5,), (4,), (0, 9)], (0, 9)),
    ],
)
def test_steps_that_come_again_take_the_place_of_the_old(tmp_path, starts, left):
    path = tmp_path / "log.jsonl"
    for steps in starts:
        write(path, *steps)
    assert [(r.step, r.call) for r in nonlin.read_log(path)] == [
        (step, call) for step in left for call in ("relu", "softmax")
    ]


def test_what_is_no_log_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    with pytest.raises(MissingInputError, match="there is no"):
        nonlin.read_log(path)
    with pytest.raises(MissingInputError, match="make it first"):
        LogFile(tmp_path / "no" / "log.jsonl")
    path.write_text("shopping\nlist")
    with pytest.raises(InvalidInputError, match=r"line 1 of .*shopping"):
        nonlin.read_log(path)
    with pytest.raises(InvalidInputError, match=r"line 1 of .*shopping"):
        LogFile(path)
    assert path.read_text() == "shopping\nlist"
    path.write_text('{"step": 1}\n')
    with pytest.raises(InvalidInputError, match="line 1"):
        nonlin.read_log(path)


def test_numbers_that_are_not_finite_survive(tmp_path):
    path = tmp_path / "log.jsonl"
    file = LogFile(path)
    file.write([replace(RECORD, mean=nan, rms=inf, gradient_rms=-inf)])
    file.close()
    (record,) = nonlin.read_log(path)
    assert isnan(record.mean)
    assert (record.rms, record.gradient_rms) == (inf, -inf)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_forms():
    history = History([RECORD, VECTOR])
    assert json.loads(history.to_json())["records"][1]["dead"] is None
    assert history.columns()["call"] == ["relu", "softmax"]
    assert history == History([RECORD, VECTOR])
    assert history != History([RECORD])
    assert repr(history) == "<History: 2 records of 2 calls on 1 steps>"
    with pytest.raises(FrozenInstanceError):
        RECORD.step = 1


def test_frames(monkeypatch):
    frame = pytest.importorskip("pandas").DataFrame(History([RECORD, VECTOR]).columns())
    assert History([RECORD, VECTOR]).to_pandas().equals(frame)
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingDependencyError, match="pip install polars"):
        History([RECORD]).to_polars()


def kinds(*records, **limits):
    return [(f.kind, f.severity, f.call) for f in findings_of(History(records), Thresholds(**limits))]


def test_findings_have_the_words_of_the_inspection():
    last = replace(RECORD, call="last")
    assert kinds(RECORD, last) == []
    assert kinds() == []
    assert kinds(replace(RECORD, dead=0.9, dead_lasting=0.5)) == [("dead", "error", "relu")]
    assert kinds(replace(RECORD, dead=0.9, dead_lasting=0.0)) == []
    assert kinds(replace(RECORD, dead=0.9, dead_lasting=0.9, samples=4)) == [("dead", "note", "relu")]
    assert kinds(replace(RECORD, dead_lasting=0.04)) == [("dead", "note", "relu")]
    assert kinds(replace(RECORD, dead_lasting=0.04), dead=0.01) == [("dead", "warning", "relu")]
    assert kinds(replace(RECORD, saturated=0.2)) == [("saturated", "warning", "relu")]
    assert kinds(replace(RECORD, linear=1.0)) == [("linear", "warning", "relu")]
    assert kinds(replace(RECORD, linear=0.5)) == [("linear", "note", "relu")]
    assert kinds(replace(RECORD, rms=101.0)) == [("exploding", "warning", "relu")]
    assert kinds(replace(RECORD, mean=nan)) == [("nonfinite", "error", "relu")]
    assert kinds(replace(RECORD, gradient_rms=1e-4), last) == [("vanishing", "error", "relu")]
    assert kinds(replace(RECORD, gradient_rms=1e3), last) == [("exploding", "error", "relu")]


def test_only_the_last_step_is_judged():
    assert kinds(replace(RECORD, saturated=1.0), replace(RECORD, step=1)) == []


def test_a_wide_call_is_not_taken_for_a_small_gradient():
    wide = replace(RECORD, gradient_rms=0.25 / 2000, values=256 * 2000**2)
    assert kinds(wide, replace(RECORD, call="last")) == []
