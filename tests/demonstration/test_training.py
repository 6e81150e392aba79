"""The script in examples/ makes what is shipped, and its twin."""

import re
import subprocess
import sys

import numpy as np
import pytest

from nonlin import demonstration


def dead_units(network, images, script):
    return [(values <= 0).all(0).numpy() for values in script.pre_activations(network, images)[:-1]]


def counts(network, digits, script):
    """Count as the README does: images right, and dead units of each layer."""
    right = script.pre_activations(network, digits.images)[-1].argmax(1).numpy() == digits.labels
    layers = enumerate(dead_units(network, digits.images, script), start=1)
    dead = {f"dead in relu{i}": (int(units.sum()), len(units)) for i, units in layers}
    return {"images right": (int(right.sum()), len(right)), **dead}


@pytest.fixture(scope="module")
def split(script):
    return script.split_digits()


@pytest.fixture(scope="module")
def trained(script, split):
    return script.train_network(split[0], rate=script.RATE)


def test_held_out_images_are_the_shipped_ones(split):
    seen, held = split
    with np.load(demonstration.data_path(), allow_pickle=False) as shipped:
        assert np.array_equal(shipped["images"], held.images)
        assert np.array_equal(shipped["labels"], held.labels)
    assert len(seen.labels) + len(held.labels) == 1797


def test_script_writes_both_files_and_says_what_came_out(script, tmp_path):
    command = [sys.executable, script.__file__, "--output", str(tmp_path / "new"), "--rate", "0.03"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["digits.npz", "digits.onnx"]
    assert re.search(r"held out: \d+ of 540 images right", done.stdout)
    assert len(re.findall(r"relu\d: \d+ units, \d+ dead, \d+ always on", done.stdout)) == 8


@pytest.mark.campaign
def test_script_reproduces_the_shipped_files_bit_for_bit(script, tmp_path):
    command = [sys.executable, script.__file__, "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "digits.onnx").read_bytes() == demonstration.model_path().read_bytes()
    assert (tmp_path / "digits.npz").read_bytes() == demonstration.data_path().read_bytes()


@pytest.mark.campaign
def test_the_shipped_network_on_its_training_images_is_as_stated(script, split, trained, stated):
    seen, held = split
    assert counts(trained, seen, script) == stated["shipped, trained on"]
    assert counts(trained, held, script) == stated["shipped, held out"]


@pytest.mark.campaign
def test_the_units_that_only_one_sample_calls_dead_are_as_stated(script, split, trained, readme):
    seen, held = (dead_units(trained, digits.images, script)[0] for digits in split)
    text = " ".join(readme.split())
    shown = re.search(r"of the units of `relu1`, (\d+) that are dead on the images trained on are on", text)
    reverse = re.search(r"and (\d+) that are dead on the held-out images are on", text)
    assert (int((seen & ~held).sum()), int((held & ~seen).sum())) == (int(shown[1]), int(reverse[1]))


@pytest.mark.campaign
def test_the_twin_is_as_stated(script, split, stated):
    seen, held = split
    assert counts(script.train_network(seen, rate=0.03), held, script) == stated["twin, held out"]
