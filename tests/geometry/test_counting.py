"""Counts beside the bounds, and cells in files."""

import itertools
from math import comb

import numpy as np
import pytest
from test_cells_counts import relu_network, seeded

from nonlin import geometry
from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.functions import function
from nonlin.geometry.counting import _serra
from nonlin.networks.activation import Activation


def serra_by_hand(widths, inputs):
    """Return the sum of Serra et al. over all tuples, as it is printed."""
    total = 0
    for chosen in itertools.product(*(range(w + 1) for w in widths)):
        most = inputs
        product = 1
        for j, width in zip(chosen, widths, strict=True):
            if j > min(most, width):
                break
            most = min(most, width - j)
            product *= comb(width, j)
        else:
            total += product
    return total


@pytest.mark.parametrize(("widths", "inputs"), [((3,), 2), ((2, 3, 2), 2), ((4, 1, 5), 3), ((5, 4), 4)])
def test_serras_bound_is_the_printed_sum(widths, inputs):
    assert _serra(list(widths), inputs) == serra_by_hand(widths, inputs)


def test_a_narrow_layer_lowers_serras_bound():
    network = relu_network((np.eye(2), [0, 0]), (np.eye(2), [-1, -1]), (np.eye(2), [-2, -2]), inputs=2)
    found = geometry.count(network)
    assert found.count <= found.serra < found.arrangement


@pytest.mark.parametrize("sizes", [(2, 8, 8, 1), (2, 16, 16, 1), (3, 8, 8, 1)])
def test_random_networks_have_about_as_many_as_is_expected(sizes):
    found = geometry.count(seeded(*sizes))
    assert found.certified
    assert found.count <= found.serra <= found.arrangement
    assert found.montufar <= found.serra
    assert abs(found.count / found.estimate - 1) < 0.25
    assert list(found.after.values())[-1] == found.count
    first = sum(comb(sizes[1], j) for j in range(sizes[0] + 1))
    assert (
        next(iter(found.after.values())) == first
    )  # in general position the first layer reaches Zaslavsky's bound


def test_a_box_has_fewer_and_other_functions_have_no_serra():
    assert geometry.count(seeded(2, 8, 8, 1), -1.0, 1.0).count == 22
    made = relu_network((np.eye(2), [0, 0]), inputs=2)
    bent = Activation(function=function("hardtanh"))
    nodes = tuple(
        node
        if node.name == "n0"
        else type(node)(name=node.name, operator=bent, inputs=node.inputs, output=node.output)
        for node in made.nodes
    )
    network = type(made)(name="h", inputs=made.inputs, outputs=made.outputs, nodes=nodes, parameters=0)
    found = geometry.count(network, -2.0, 2.0)
    assert (found.count, found.serra, found.montufar, found.estimate) == (9, None, None, None)
    assert found.arrangement == 1 + 4 + 6


def test_what_was_stopped_has_no_counts_by_call():
    def stop(count, _share):
        if count >= 20000:
            raise KeyboardInterrupt

    found = geometry.count(seeded(2, 128, 128, 128, 128, 1), -1.0, 1.0, progress=stop)
    assert not found.certified
    assert found.after == {}


@pytest.mark.parametrize("where", ["box", "space"])
def test_cells_come_back_from_a_file_as_they_were(where, tmp_path):
    pytest.importorskip("pyarrow")
    network = seeded(2, 32, 32, 1)
    found = geometry.space(network) if where == "space" else geometry.box(network, -1.0, 1.0)
    counts = []
    assert geometry.write_cells(found, tmp_path / "cells.parquet", progress=counts.append) == found.count
    assert counts[-1] == found.count
    number = 0
    for one, other in zip(found.cells, geometry.read_cells(tmp_path / "cells.parquet"), strict=True):
        number += 1
        assert one.facets == other.facets
        for name in ("vertices", "directions", "pattern", "weight", "bias", "incidence"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert number == found.count


def test_the_file_names_the_unit_of_every_facet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    found = geometry.box(relu_network((np.eye(2), [0, 0]), inputs=2), -1.0, 1.0)
    geometry.write_cells(found, tmp_path / "cells.parquet")
    rows = parquet.read_table(tmp_path / "cells.parquet").to_pylist()
    facets = {(f["call"], f["unit"]) for row in rows for f in row["facets"]}
    assert facets == {("", -1), ("n1", 0), ("n1", 1)}
    assert sum(row["volume"] for row in rows) == 4.0


def test_ctrl_c_leaves_a_file_with_what_was_found(tmp_path):
    pytest.importorskip("pyarrow")

    def stop(_count):
        raise KeyboardInterrupt

    found = geometry.box(seeded(2, 64, 64, 64, 1), -1.0, 1.0)
    assert geometry.write_cells(found, tmp_path / "cells.parquet", progress=stop) == 4096
    assert sum(1 for _ in geometry.read_cells(tmp_path / "cells.parquet")) == 4096
    assert [path.name for path in tmp_path.iterdir()] == ["cells.parquet"]


def test_files_that_are_none_are_refused(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(MissingInputError, match=r"there is no .*gone\.parquet"):
        next(geometry.read_cells(tmp_path / "gone.parquet"))
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InvalidInputError, match="write_cells"):
        next(geometry.read_cells(tmp_path / "other.parquet"))
    found = geometry.box(relu_network((np.eye(2), [0, 0]), inputs=2), -1.0, 1.0)
    with pytest.raises(MissingInputError, match="folder"):
        geometry.write_cells(found, tmp_path / "none" / "cells.parquet")
