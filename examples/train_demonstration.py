"""Train the demonstration network on the UCI digits, and write it and its held-out data.

    python examples/train_demonstration.py --output build/demonstration
    python examples/train_demonstration.py --output build/healthy --rate 0.03

The first command makes the files that the package ships; nothing is edited after the training. The second
makes the healthy twin: only the learning rate differs. Both need torch and scikit-learn, and take seconds.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

WIDTHS = (64, 64, 48, 32, 24, 10)
HIDDEN = len(WIDTHS) - 2
RATE = 0.07  # too high for inputs of 0 to 16 that are not scaled: the first steps throw units off all images
DECAY = 0.8  # of the rate, after each epoch
SEED = 48
EPOCHS = 20
BATCH = 64
MOMENTUM = 0.9
HELD_OUT = 540


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Images, float32 of shape (images, 64), values 0 to 16, and their labels, int64 of shape (images,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def split_digits() -> tuple[Digits, Digits]:
    """Return the 1257 images to train on and the 540 held out, each digit in the same share in both."""
    digits = load_digits()
    images, labels = digits.data.astype(np.float32), digits.target.astype(np.int64)
    seen, held, seen_labels, held_labels = train_test_split(
        images, labels, test_size=HELD_OUT, random_state=0, stratify=labels
    )
    return Digits(images=seen, labels=seen_labels), Digits(images=held, labels=held_labels)


def train_network(digits: Digits, *, rate: float) -> nn.Sequential:
    """Train a ReLU network by gradient descent with momentum at a rate that decays, and round it to float32.

    It trains in float64: at such a rate the rounding errors of float32 grow until processors with different
    vector units end at different networks, while those of float64 stay below what the final rounding removes.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    layers: list[nn.Module] = []
    for inputs, units in pairwise(WIDTHS):
        layers += [nn.Linear(inputs, units, dtype=torch.float64), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=MOMENTUM)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, DECAY)
    images, labels = torch.from_numpy(digits.images).double(), torch.from_numpy(digits.labels)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimiser.step()
        schedule.step()
    return network.float()


def build_model(network: nn.Sequential, *, rate: float) -> onnx.ModelProto:
    """Return the trained layers as an ONNX model of Gemm and Relu nodes, with the weights as they are."""
    nodes, weights, tensor = [], [], "images"
    for index, layer in enumerate(dense_layers(network), start=1):
        name = f"hidden{index}" if index <= HIDDEN else "logits"
        parameters = {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
        weights += [numpy_helper.from_array(value.detach().numpy(), key) for key, value in parameters.items()]
        nodes.append(helper.make_node("Gemm", [tensor, *parameters], [name], name=name, transB=1))
        tensor = name
        if index <= HIDDEN:
            tensor = f"relu{index}"
            nodes.append(helper.make_node("Relu", [name], [tensor], name=tensor))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", WIDTHS[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", WIDTHS[-1]])],
        initializer=weights,
        doc_string=f"Classifier of handwritten digits, trained on the UCI digits at learning rate {rate}.",
    )
    model = helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)], producer_name="nonlin"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def dense_layers(network: nn.Sequential) -> list[nn.Linear]:
    """Return the affine layers, first to last."""
    return [layer for layer in network if isinstance(layer, nn.Linear)]


@torch.no_grad()
def pre_activations(network: nn.Sequential, images: NDArray[np.float32]) -> list[Tensor]:
    """Return the output of every affine layer, the logits last, each of shape (images, units)."""
    outputs, tensor = [], torch.from_numpy(images)
    for layer in dense_layers(network):
        outputs.append(layer(tensor))
        tensor = outputs[-1].relu()
    return outputs


def describe(network: nn.Sequential, digits: Digits) -> str:
    """Say how accurate the network is on these images, and how many units are on for none or all of them."""
    *hidden, logits = pre_activations(network, digits.images)
    right = int((logits.argmax(1) == torch.from_numpy(digits.labels)).sum())
    lines = [f"{right} of {len(digits.labels)} images right ({right / len(digits.labels):.1%})"]
    for index, values in enumerate(hidden, start=1):
        on = values > 0
        dead, always = int((~on).all(0).sum()), int(on.all(0).sum())
        lines.append(f"  relu{index}: {values.shape[1]} units, {dead} dead, {always} always on")
    return "\n".join(lines)


def main() -> None:
    """Train, write `digits.onnx` and `digits.npz`, and print what came out."""
    parser = argparse.ArgumentParser(description="Train the demonstration network on the UCI digits.")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--rate", type=float, default=RATE, help="the learning rate (default: %(default)s)")
    arguments = parser.parse_args()
    seen, held = split_digits()
    network = train_network(seen, rate=arguments.rate)
    arguments.output.mkdir(parents=True, exist_ok=True)
    onnx.save(build_model(network, rate=arguments.rate), arguments.output / "digits.onnx")
    np.savez_compressed(arguments.output / "digits.npz", images=held.images, labels=held.labels)
    print("held out:", describe(network, held))
    print("trained on:", describe(network, seen))


if __name__ == "__main__":
    main()
