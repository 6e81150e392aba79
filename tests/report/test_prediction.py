"""Predicted beside measured, and what is proven, in the terminal, on the page and in the picture."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from nonlin import demonstration, pictures
from nonlin.errors import InvalidInputError
from nonlin.inspection import inspect, predict
from nonlin.inspection.prediction.result import table
from nonlin.report import page, print_inspection
from nonlin.report.predicted import predicted_page


@pytest.fixture(scope="module")
def inspection():
    image = np.load(demonstration.data_path())["images"][0]
    return inspect(
        demonstration.model_path(), demonstration.data_path(), predicted=True, box=(image - 1, image + 1)
    )


def test_the_terminal_shows_both(inspection):
    console = Console(file=io.StringIO(), width=120)
    print_inspection(inspection, console)
    shown = console.file.getvalue()
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("relu2  ") and "stable" in line]
    call = inspection.prediction.calls[1]
    assert row == list(table(inspection.prediction)[2])
    assert f"{call.measured_length:.3g}" in row


def test_every_form_has_the_same_columns(inspection):
    columns, *rows = table(inspection.prediction)
    head = "".join(f'<th class="n">{column}</th>' for column in columns[1:])
    assert "measured length" in columns
    assert f"<tr><th>call</th>{head}</tr>" in page(inspection)
    assert f"<tr><th>call</th>{head}</tr>" in predicted_page(inspection.prediction, "such", {})
    assert re.split(r"  +", str(inspection.prediction).splitlines()[1]) == list(columns)
    console = Console(file=io.StringIO(), width=200)
    print_inspection(inspection, console)
    lines = console.file.getvalue().splitlines()
    (below,) = [
        i
        for i, line in enumerate(lines)
        if line.startswith("call") and "confidence" in line and "σ²w" in line
    ]
    assert sorted(" ".join(lines[below - 1 : below + 1]).split()) == sorted(" ".join(columns).split())
    cells = "".join(f'<td class="n">{cell}</td>' for cell in rows[0][1:])
    assert cells in page(inspection)
    assert cells in predicted_page(inspection.prediction, "such", {})


def test_an_unstable_call_is_explained_in_the_same_words(inspection):
    calls = (replace(inspection.prediction.calls[0], confidence="unstable"), *inspection.prediction.calls[1:])
    shaky = replace(inspection, prediction=replace(inspection.prediction, calls=calls, uncovered=("a Pool",)))
    console = Console(file=io.StringIO(), width=200)
    print_inspection(shaky, console)
    words = "nstable: the length map makes an error of the inputs"
    for shown in (
        page(shaky),
        predicted_page(shaky.prediction, "", {}),
        str(shaky.prediction),
        console.file.getvalue(),
    ):
        assert words in shown
        assert "ot covered: a Pool" in shown


def test_a_narrow_terminal_does_without_columns_and_says_so(inspection):
    console = Console(file=io.StringIO(), width=80)
    print_inspection(inspection, console)
    shown = console.file.getvalue()[console.file.getvalue().index("Predicted") :]
    assert "left out for want of width: function, mean" in shown
    assert all(word in shown for word in ("measured", "decades", "confidence", "+0.03"))
    assert max(map(len, shown.splitlines()[1:6])) <= 80


def test_the_page_shows_both_and_what_is_proven(inspection):
    html = page(inspection)
    assert '<section id="prediction">' in html
    assert "predicted beside measured" in html
    proven = html[html.index('<section id="proven">') : html.index('<section id="collapse">')]
    call = inspection.calls[0]
    assert call.proven_dead > 0
    left = call.units - call.proven_dead - call.proven_linear
    assert (
        f'<td class="n">{call.proven_dead}</td><td class="n">{call.proven_linear}</td><td class="n">{left}</td>'
        in proven
    )
    assert f"proven dead {call.proven_dead_units[0]}, " in proven
    plain = page(inspect(demonstration.model_path(), demonstration.data_path()))
    assert 'id="prediction"' not in plain
    assert 'id="proven"' not in plain


def test_the_picture_draws_every_row_twice(inspection):
    figure = pictures.prediction(inspection)
    for axes, measured, predicted in zip(
        figure.axes, ("measured_length", "measured"), ("length", "gradient"), strict=True
    ):
        dots, rings, unsure = axes.get_lines()
        rows = inspection.prediction.calls
        np.testing.assert_allclose(dots.get_xdata(), [getattr(row, measured) for row in rows])
        np.testing.assert_allclose(rings.get_xdata(), [getattr(row, predicted) for row in rows])
        assert not len(unsure.get_xdata())
        low, high = axes.get_xlim()
        assert low < min(rings.get_xdata()) <= max(rings.get_xdata()) < high


def test_a_prediction_alone_is_drawn_without_dots():
    figure = pictures.prediction(predict(demonstration.model_path()))
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["predicted"]
    dots, rings, _ = figure.axes[0].get_lines()
    assert np.all(np.isnan(dots.get_xdata()))
    assert np.all(np.isfinite(rings.get_xdata()))


def test_a_call_that_is_not_covered_is_drawn_as_such():
    made = predict(demonstration.model_path())
    last = replace(made.calls[-1], length=None, gradient=None, confidence="not covered")
    figure = pictures.prediction(replace(made, calls=(*made.calls[:-1], last)))
    for axes in figure.axes:
        assert [(text.get_text(), text.get_position()[1]) for text in axes.texts] == [
            ("not covered", len(made.calls) - 1)
        ]


def test_a_picture_without_a_prediction_is_refused():
    plain = inspect(demonstration.model_path(), demonstration.data_path())
    with pytest.raises(InvalidInputError, match="predicted=True"):
        pictures.prediction(plain)
