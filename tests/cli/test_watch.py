import json
import subprocess
import sys
import time

import pytest

from nonlin.inspection.watching import Record
from nonlin.inspection.watching.log_file import LogFile


def record(step, call="relu", dead=0.25):
    return Record(
        step=step, call=call, function="relu", units=8, samples=32, dead=dead, dead_lasting=dead, lasting_steps=1,
        saturated=0.0, linear=0.0, slope_mean=0.5, mean=0.5, rms=1.0, gradient_rms=0.25, values=256,
    )  # fmt: skip


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    file = LogFile(path)
    for step in range(3):
        file.write([record(25 * step, "a", step / 2), record(25 * step, "[b]", 0.0)])
    file.close()
    return path


def run(*words):
    command = [sys.executable, "-m", "nonlin", "watch", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_depth_against_time(log):
    result = run(log)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[1:3] == ["a   ·▒█ 1", "[b] ··· 0"]
    assert "error: a, step 50: 100% of 8 units" in result.stdout


def test_files(log, tmp_path):
    for ending in ("png", "svg", "html"):
        assert run(log, "--output", tmp_path / f"out.{ending}").returncode == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 7
    assert "<script" not in page
    assert "src=" not in page
    assert "100% of 8 units" in page
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(run(log, "--format", "json").stdout)["records"][4]["dead"] == 1


def test_wrong_use_is_said_in_one_line(log, tmp_path):
    (tmp_path / "empty").write_text("")
    for words, said in (
        ([tmp_path / "none"], "there is no"),
        ([tmp_path / "empty"], "at least one watched step"),
        ([log, "-o", "x.doc"], "expected --output to end in"),
    ):
        result = run(*words)
        assert result.returncode == 2
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_following_shows_a_step_that_comes_and_another_run_of_as_many(log):
    command = [sys.executable, "-m", "nonlin", "watch", str(log), "--follow", "--interval", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            shown = [process.stdout.readline() for _ in range(3)]
            assert shown[1] == "a   ·▒█ 1\n"
            file = LogFile(log)
            file.write([record(75, "a", 0.0), record(75, "[b]", 1.0)])
            file.close()
            end = time.monotonic() + 60
            while "[b]" not in (line := process.stdout.readline()) and time.monotonic() < end:
                pass
            assert line == "[b] ···█ 1\n"
            other = LogFile(log.with_suffix(".new"))
            for step in range(4):
                other.write([record(step, "a", 0.0), record(step, "[c]", 0.0)])
            other.close()
            log.with_suffix(".new").replace(log)
            while not (line := process.stdout.readline()).startswith("[c]") and time.monotonic() < end:
                pass
            assert line == "[c] ···· 0\n"
        finally:
            process.kill()
