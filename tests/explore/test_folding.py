"""The geometry in the browser is that of nonlin.geometry: counts, lines, regions; and it moves with the handles."""

import numpy as np
import pytest

import nonlin
from nonlin import demonstration
from nonlin.explore.exchange import Exploration, save
from nonlin.inspection.data import read_data
from nonlin.networks import evaluate, read


def line_pieces(network, low=-4.0, high=4.0):
    return nonlin.geometry.line(network, np.array([low]), np.array([high])).count


def plane_regions(network):
    return nonlin.geometry.plane(network, [-3.0, -3.0], [3.0, -3.0], [-3.0, 3.0]).count


# A line


@pytest.mark.parametrize("address", ["", "?n=1", "?n=8", "?n=3&m=4", "?n=2&m=2&w=1,-0.5"])
def test_pieces_of_a_line(opened, tmp_path, address):
    opened.go(f"#line{address}")
    network = opened.exported(tmp_path).network
    assert opened.fact("pieces") == line_pieces(network)
    assert opened.fact("pieces") <= opened.fact("most")
    assert opened.fact("y0") == pytest.approx(
        evaluate(network, {"x": np.zeros((1, 1))})[0].item(), rel=1e-12, abs=1e-15
    )


def test_random_networks_on_a_line(opened, tmp_path):
    opened.go("#line?n=8&m=4")
    for _ in range(4):
        opened.tab.click("[data-key='random']")
        opened.frame()
        assert opened.fact("pieces") == line_pieces(opened.exported(tmp_path).network)
    opened.tab.click("[data-key='sawtooth']")
    opened.frame()
    assert opened.fact("pieces") == line_pieces(opened.exported(tmp_path).network) > 4


def test_a_kink_is_dragged_and_moved_by_keys(opened):
    opened.go("#line?n=1&w=1&b=0&v=1")
    opened.drag("bias0", 60, 0)
    b = opened.state()["b"][0]
    assert b < -0.3
    opened.press("bias0", "ArrowRight")
    assert opened.state()["b"][0] == pytest.approx(b - 0.05, abs=1e-9)
    opened.drag("weight0", 0, -40)
    assert opened.state()["w"][0] > 1


def test_a_weight_is_typed_and_nonsense_refused(opened):
    opened.go("#line?n=2")
    opened.type("[data-weight='w1']", "2.5")
    assert opened.state()["w"][1] == 2.5
    for wrong in ("abc", "", "1e9", "NaN"):
        opened.type("[data-weight='w1']", wrong)
        assert opened.state()["w"][1] == 2.5
        assert opened.tab.get_attribute("[data-weight='w1']", "aria-invalid") is not None


# A plane


@pytest.mark.parametrize("hidden", ["3", "6", "8,8", "16,16", "12,12,12"])
def test_regions_of_a_plane(opened, tmp_path, hidden):
    opened.go(f"#plane?hidden={hidden}&seed=11&set=none")
    network = opened.exported(tmp_path).network
    assert opened.fact("regions") == plane_regions(network)


def test_a_fold_is_dragged(opened, tmp_path):
    opened.go("#plane?hidden=16,16&colour=output")
    before = opened.state()["w"]
    opened.drag("fold0", 70, -50)
    opened.press("fold1", "ArrowLeft", "ArrowDown")
    assert opened.state()["w"] != before
    assert opened.fact("regions") == plane_regions(opened.exported(tmp_path).network)


def test_ties_are_counted_as_python_does(opened, tmp_path):
    """Equal units, folds through one point, and a fold along the window's side."""
    weight = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0], [1.0, 0.0]])
    bias = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.0])
    layers = [weight.ravel(), bias, np.ones(6), np.zeros(1)]
    flat = ",".join(str(v) for v in np.concatenate(layers))
    opened.go(f"#plane?hidden=6&set=none&w={flat}")
    found = opened.fact("regions")
    assert found == plane_regions(opened.exported(tmp_path).network) == 8


def test_training_lowers_the_loss_and_its_weights_are_python_s(opened, tmp_path):
    opened.go("#plane?hidden=8,8&set=circles")
    before = opened.fact("loss")
    opened.tab.click("[data-key='play']")
    while opened.fact("steps") < 60:
        opened.tab.wait_for_timeout(50)
    opened.tab.click("[data-key='play']")
    opened.frame()
    assert opened.fact("loss") < 0.8 * before
    saved = opened.exported(tmp_path)
    margins = saved.labels * evaluate(saved.network, {"x": saved.points})[0][:, 0]
    assert opened.fact("loss") == pytest.approx(np.logaddexp(0, -margins).mean(), rel=1e-12)
    assert opened.fact("regions") == plane_regions(saved.network)


def test_weights_and_points_from_python(opened, tmp_path):
    opened.go("#plane?hidden=3")
    network = opened.exported(tmp_path).network
    points = np.array([[0.5, 1.0], [-1.0, -2.0], [2.0, 0.25]])
    made = Exploration(panel="plane", network=network, points=points, labels=np.array([1.0, -1.0, 1.0]))
    save(tmp_path / "made.json", made)
    opened.go("#function")
    opened.tab.set_input_files("[data-key='file']", tmp_path / "made.json")
    opened.tab.wait_for_selector("main[data-panel='plane']")
    assert opened.state()["points"] == [0.5, 1, 1, -1, -2, -1, 2, 0.25, 1]
    again = opened.exported(tmp_path, "again.json")
    assert np.array_equal(again.points, points)
    assert all(
        np.array_equal(a.operator.weight, b.operator.weight)
        for a, b in zip(again.network.nodes[::2], network.nodes[::2], strict=True)
    )


# My network


def test_the_demonstration(opened):
    opened.go("#network?p=1&q=4&r=7&s=0.2&t=0.5")
    network = read(demonstration.model_path())
    data = read_data(demonstration.data_path())
    classes = np.sort(np.unique(data["labels"], return_index=True)[1])
    p, q, r = (data["images"][classes[i]].astype(np.float64) for i in (1, 4, 7))
    cells = nonlin.geometry.plane(network, p, q, r, window=(-0.25, 1.25, -0.25, 1.25))
    assert opened.fact("regions") == cells.count
    for key, a, b in (("line0", p, q), ("line1", q, r), ("line2", r, p)):
        assert opened.fact(key) == nonlin.geometry.line(network, a, b).count
    point = (p + 0.2 * (q - p) + 0.5 * (r - p))[None]
    (right,) = evaluate(network, {network.inputs[0].name: point})
    assert opened.fact("value") == pytest.approx(right[0, 0], rel=1e-12)
    assert opened.fact("answer") == right[0].argmax()
    call = nonlin.inspect(demonstration.model_path(), demonstration.data_path()).calls[0]
    assert opened.text("[data-call='relu1-dead']") == str(call.dead)
    opened.drag("probe", 40, 40)
    assert opened.state()["s"] > 0.2
    for colour in ("output", "map", "class"):
        opened.tab.select_option("[data-key='colour']", colour)
        opened.frame()
    opened.tab.select_option("[data-key='p']", "3")
    opened.frame()
    assert opened.state()["p"] == 3
