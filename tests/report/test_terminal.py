"""The report in the terminal: names that can be read, advice that is not repeated."""

import io
from dataclasses import replace

import pytest
from made_networks import some_data, write_network
from rich.console import Console

from nonlin.inspection import inspect
from nonlin.report.terminal import print_inspection
from nonlin.report.wording import headline


def printed(inspection, width=120):
    console = Console(file=io.StringIO(), width=width, highlight=False, no_color=True)
    print_inspection(inspection, console)
    return console.file.getvalue()


@pytest.fixture
def deep(tmp_path):
    names = [f"/model/encoder/layer.{i}/activation/Relu" for i in range(6)]
    return inspect(write_network(tmp_path / "deep.onnx", [(name, "Relu") for name in names]), some_data())


def test_the_folders_that_all_calls_share_are_named_once(deep):
    table, legend = printed(deep).split("dead: no gradient on any sample")
    assert "…/layer.0/activation/Relu" in table
    assert "/model/encoder/layer" not in table
    assert "…: /model/encoder" in " ".join(legend.split())


def test_one_call_keeps_its_whole_name(tmp_path):
    inspection = inspect(write_network(tmp_path / "one.onnx", [("/model/Relu", "Relu")]), some_data())
    assert "…" not in printed(inspection)


def test_a_parameter_stands_without_its_name_and_in_three_digits(tmp_path):
    inspection = inspect(write_network(tmp_path / "leaky.onnx", [("a", "LeakyRelu")]), some_data())
    (call,) = inspection.calls
    called = replace(call, function="leaky_relu(negative_slope=-0.23045751)")
    assert "leaky_relu(-0.23)" in printed(replace(inspection, calls=(called,)))


def test_advice_stands_once_for_each_kind(deep):
    text = printed(deep, width=400)
    advice = [line for line in text.splitlines() if line.startswith("         →")]
    assert len(advice) == len(set(advice))
    assert {finding.advice for finding in deep.findings} == {line.split("→ ")[1] for line in advice}


@pytest.mark.parametrize("width", [80, 120, 160])
def test_no_figure_is_cut(deep, width):
    text = printed(deep, width)
    for call in deep.calls:
        assert f"{call.mean:.2g} ± {call.std:.2g}" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_leaves_out_columns_and_folds_no_short_word(demo, width):
    lines = printed(demo, width).splitlines()
    head = next(line for line in lines if line.startswith("call"))
    rows = [line for line in lines if line.startswith("relu")]
    assert [line.split()[:2] for line in rows] == [[call.name, "relu"] for call in demo.calls]
    assert all(line.split()[-1] == call.verdict for line, call in zip(rows, demo.calls, strict=True))
    missing = [
        name for name in ("shape", "units", "saturated", "linear", "zeros", "gradient") if name not in head
    ]
    legend = " ".join(" ".join(lines).split())
    assert bool(missing) == ("left out for want of width" in legend) == (width < 100)
    assert all(
        name in legend.split("left out for want of width: ")[1].split(" warning")[0] for name in missing
    )


def test_a_network_without_a_call_says_so(made):
    assert "no call of an activation" in printed(made(("flat", "Identity")))


def test_a_network_of_which_no_call_was_measured_is_not_called_healthy(demo):
    unseen = replace(demo, calls=(), findings=(), unseen=("an assignment by a mask in the model",))
    shown = printed(unseen)
    assert "the activations inside an assignment by a mask in the model" in shown
    assert "Verdict  none: no activation was measured" in shown
    assert headline(unseen) == "Not judged: no activation of this network was measured."
