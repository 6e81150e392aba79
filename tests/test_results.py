"""Every result turns into JSON and into the columns of a data frame."""

import json
import sys

import numpy as np
import pytest

import nonlin
from nonlin import demonstration, geometry
from nonlin.errors import MissingDependencyError
from nonlin.functions.description import describe
from nonlin.results import Result, plain


def _property(folder, image):
    """That the first output of the demonstration is far above all others around an image."""
    names = [f"(declare-const X_{i} Real)" for i in range(64)] + [
        f"(declare-const Y_{i} Real)" for i in range(10)
    ]
    ends = [f"(assert (and (>= X_{i} {x}) (<= X_{i} {x})))" for i, x in enumerate(image.ravel().tolist())]
    path = folder / "property.vnnlib"
    path.write_text("\n".join([*names, *ends, "(assert (>= Y_0 (+ Y_1 1000)))"]))
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = demonstration.model_path()
    network = nonlin.read(path)
    with np.load(demonstration.data_path()) as data:
        first, second = data["images"][:2]
    found = geometry.plane(network, first, second, np.zeros(64))
    return {
        "inspection": nonlin.inspect(path, demonstration.data_path()),
        "prediction": nonlin.predict(network),
        "line": geometry.line(network, first, second),
        "count": geometry.count_of(found),
        "cells": found,
        "subdivision": geometry.subdivide(found),
        "folds": geometry.folds(found),
        "approximation": nonlin.approximate("x * x", (0, 1), pieces=3),
        "simplification": nonlin.simplify(network),
        "region": geometry.region(network, first),
        "range": geometry.output_range(network, first - 0.01, first + 0.01),
        "lipschitz": geometry.lipschitz(network, first - 0.01, first + 0.01),
        "verdict": geometry.verify(network, _property(tmp_path_factory.mktemp("property"), first)),
        "description": describe(nonlin.function("gelu")),
        "layers": nonlin.function("tanh").layers(4),
        "vector": describe(nonlin.function("softmax")),
    }


NAMES = [
    "inspection",
    "prediction",
    "line",
    "count",
    "cells",
    "subdivision",
    "folds",
    "approximation",
    "simplification",
    "description",
    "layers",
    "vector",
    "region",
    "range",
    "lipschitz",
    "verdict",
]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_json(results, name):
    assert isinstance(results[name], Result)
    assert json.loads(results[name].to_json()) == results[name].to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_its_columns_are_of_one_length(results, name):
    columns = results[name].columns()
    assert len({len(column) for column in columns.values()}) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_its_columns_make_a_frame(results, name, library):
    pytest.importorskip(library)
    frame = getattr(results[name], f"to_{library}")()
    assert list(frame.columns) == list(results[name].columns())


def test_without_the_library_one_error_says_what_to_do(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingDependencyError, match="pip install polars"):
        results["line"].to_polars()


def test_the_pieces_of_a_line_are_its_rows(results):
    found = results["line"]
    columns = found.columns()
    assert len(columns["start"]) == found.count
    assert columns["start"][1:] == columns["end"][:-1] == found.breakpoints.tolist()
    assert tuple(columns["call"][1:]) == found.calls


def test_what_json_does_not_know_becomes_what_it_knows():
    found = plain({"a": np.array([1.0, np.nan]), "b": (np.float32(2), np.inf), "c": [np.int64(3)]})
    assert found == {"a": [1.0, None], "b": [2.0, None], "c": [3]}


def test_what_is_known_about_a_function_is_a_row_a_property(results):
    columns = results["description"].columns()
    known = dict(zip(columns["property"], columns["value"], strict=True))
    assert known["limits"] == '[0.0, "inf"]'
    assert known["smoothness"] == '"inf"'
    assert set(columns["status"]) == {"proved"}
    assert results["vector"].to_dict()["properties"]["attained"]["value"] == [False, False]


def test_the_cells_of_a_plane_are_its_rows(results):
    found, made = results["cells"], results["subdivision"]
    columns = found.columns()
    assert len(columns["volume"]) == found.count == made.to_dict()["count"]
    assert sum(columns["volume"]) == pytest.approx(1, rel=1e-12)
    assert columns["weight"] == made.columns()["weight"]
    folds = results["folds"].to_dict()
    assert sum(fold["segments"] for fold in folds.values()) == len(results["folds"].columns()["unit"])
    assert folds == made.to_dict()["folds"]
