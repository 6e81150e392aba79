"""From the question to the table, the page, the files and the command."""

import csv
import subprocess
import sys

import pytest
from matplotlib.figure import Figure

import nonlin
from nonlin.errors import InvalidInputError
from nonlin.pictures.study import study_curves, study_health, study_scores
from nonlin.results import Result


@pytest.fixture(scope="module")
def study():
    return nonlin.compare("relu,twin=relu,sigmoid", task="spirals", seeds=6, budget=150, rates=[0.01], jobs=1)


def test_twins_are_the_same_and_the_table_is_ranked(study):
    assert [row.test for row in study.table] == sorted((row.test for row in study.table), reverse=True)
    (pair,) = [pair for pair in study.pairs if {pair.first, pair.second} == {"relu", "twin"}]
    assert (pair.difference, pair.different) == (0, False)
    rows = {row.function: row for row in study.table}
    assert rows["relu"].test == rows["twin"].test
    assert 0 <= rows["relu"].dead <= 1
    assert rows["sigmoid"].decay < rows["relu"].decay


def test_the_conclusion_says_what_the_pairs_say(study):
    differing = [p for p in study.pairs if p.different and study.table[0].function in (p.first, p.second)]
    assert (f"{study.table[0].function} differs from" in study.conclusion) == bool(differing)
    assert "was given, not searched" in study.conclusion
    assert "about other data" in study.conclusion


def test_files(study, tmp_path):
    page = study.to_html(tmp_path / "s.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    with study.to_csv(tmp_path / "s.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(study.trials) == 18
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(study.to_parquet(tmp_path / "s.parquet"))
    assert table.num_rows == 18
    assert list(study.trials[0].curves["train_loss"]) == table["curve_train_loss"][0].as_py()


def test_pictures(study):
    assert all(isinstance(draw(study), Figure) for draw in (study_scores, study_health))
    shown = [axes.get_title(loc="left") for axes in study_curves(study).axes]
    assert shown == [row.function for row in study.table]


def test_every_axis_of_a_picture_has_numbers(study):
    figure = study_curves(study)
    figure.canvas.draw()
    first, *_ = figure.axes
    low, high = first.get_ylim()
    marks = [float(label.get_text()) for label in first.get_yticklabels()]
    assert sum(low <= mark <= high for mark in marks) >= 2
    assert all(axes.get_xlabel() == "step" for axes in figure.axes)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"budget": "soon"}, "expected a budget"),
        ({"task": "cats"}, "expected a task"),
        ({"seeds": 1}, "two seeds"),
        ({"rates": [0.0]}, "above 0"),
        ({"optimizer": "lion"}, "adam or sgd"),
        ({"on": "tcp://127.0.0.1:1"}, "dask scheduler"),
    ],
)
def test_what_is_refused(asked, message):
    if "on" in asked:
        pytest.importorskip("distributed")
    with pytest.raises(InvalidInputError, match=message):
        nonlin.compare("relu,tanh", **{"task": "spirals", "budget": 5, "jobs": 1, **asked})


def test_the_command(tmp_path):
    words = [
        "compare",
        "--task",
        "spirals",
        "--functions",
        "relu,tanh",
        "--seeds",
        "2",
        "--rates",
        "0.01",
        "--jobs",
        "1",
        "--budget",
    ]
    first = subprocess.run(
        [sys.executable, "-m", "nonlin", *words, "9 steps"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    again = subprocess.run(
        [sys.executable, "-m", "nonlin", *words, "9 steps"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert first.stdout == again.stdout
    assert "highest mean test accuracy" in first.stdout
    assert (tmp_path / "nonlin-compare.sqlite").exists()


@pytest.mark.campaign
def test_sigmoid_fails_in_a_deep_narrow_network_and_gains_matter():
    asked = {"functions": "sigmoid,relu,elu,selu", "task": "narrow", "seeds": 7}
    test = {row.function: row.test for row in nonlin.compare(**asked).table}
    assert test["sigmoid"] < 0.2
    assert min(test[name] for name in ("relu", "elu", "selu")) > 0.7
    own = {row.function: row.test for row in nonlin.compare(**asked, initialization="model").table}
    assert own["sigmoid"] < 0.2
    assert all(own[name] < test[name] - 0.3 for name in ("relu", "elu", "selu"))


def test_a_study_is_a_result_like_all_others(study):
    assert isinstance(study, Result)
    assert study.columns()["function"] == [row.function for row in study.table]
    (first, *_) = study.to_dict()["trials"]
    assert first["curves"]["train_loss"] == list(study.trials[0].curves["train_loss"])
    frame = pytest.importorskip("pandas").DataFrame(study.columns())
    assert list(study.to_pandas()["rank"]) == list(frame["rank"])
