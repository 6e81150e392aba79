"""The report in the terminal: names that can be read, advice that is not repeated."""

import io

import pytest
from made_networks import some_data, write_network
from rich.console import Console

from nonlin.inspection import inspect
from nonlin.report.terminal import print_inspection


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


def test_a_parameter_stands_without_its_name(tmp_path):
    inspection = inspect(write_network(tmp_path / "leaky.onnx", [("a", "LeakyRelu")]), some_data())
    assert inspection.calls[0].function.replace("negative_slope=", "") in printed(inspection)


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
