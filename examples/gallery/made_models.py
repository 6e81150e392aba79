"""PyTorch models of the usual kinds: MTCNN's with the weights that it ships, and small ones trained here on digits."""

import sys
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sources import Sources
from torch import Tensor, nn

__all__ = ["digit_images", "mtcnn", "trained"]


def mtcnn(sources: Sources, name: str) -> nn.Module:
    """Return PNet, RNet or ONet of facenet-pytorch: the wheel's own code, its weights loaded as plain tensors.

    The package itself is not installed: it pins an old PyTorch, and its other modules want torchvision.
    """
    wheel = sources.archive("facenet_pytorch-*.whl")
    for package in ("facenet_pytorch", "facenet_pytorch.models", "facenet_pytorch.models.utils"):
        bare = sys.modules.setdefault(package, ModuleType(package))
        bare.__path__ = [f"{wheel}/{package.replace('.', '/')}"]
    cropping = sys.modules.setdefault(
        "facenet_pytorch.models.utils.detect_face", ModuleType("facenet_pytorch.models.utils.detect_face")
    )
    cropping.detect_face = cropping.extract_face = None  # type: ignore[attr-defined] # cuts faces out; not wanted here
    network = getattr(import_module("facenet_pytorch.models.mtcnn"), name)(pretrained=False)
    stored = sources.member("facenet_pytorch-*.whl", f"*/data/{name.lower()}.pt")
    network.load_state_dict(torch.load(BytesIO(stored), weights_only=True))
    return network.eval()


def digit_images() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the 1797 UCI digits, shape (images, 8, 8) in [0, 1], shuffled, and their labels."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (images[order].reshape(-1, 8, 8) / 16).astype(np.float32), labels[order].astype(np.int64)


class Recurrent(nn.Module):
    """Reads a digit row by row."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU]) -> None:
        """Build it on an LSTM or a GRU."""
        super().__init__()
        self.cell = kind(8, 64, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (batch, 10), of rows, shape (batch, 8, 8)."""
        return self.head(self.cell(x)[0][:, -1])


class Residual(nn.Module):
    """A convolutional network of four residual blocks."""

    def __init__(self) -> None:
        """Build it."""
        super().__init__()
        self.stem = nn.Conv2d(1, 24, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1)) for _ in range(4)
        )
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (batch, 10), of images, shape (batch, 8, 8)."""
        x = self.stem(x[:, None])
        for block in self.blocks:
            x = x + block(x)
        return self.head(torch.relu(x).mean(dim=(2, 3)))


class Transformer(nn.Module):
    """Reads a digit row by row with PyTorch's own encoder."""

    def __init__(self) -> None:
        """Build it."""
        super().__init__()
        self.embed = nn.Linear(8, 64)
        self.place = nn.Parameter(0.02 * torch.randn(8, 64))
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (batch, 10), of rows, shape (batch, 8, 8)."""
        return self.head(self.encoder(self.embed(x) + self.place).mean(dim=1))


def _mlp() -> nn.Module:
    widths = (64, 128, 128, 64)
    layers: list[nn.Module] = [nn.Flatten()]
    for i in range(3):
        layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def _convolutional() -> nn.Module:
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 8))]
    for i, o in ((1, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


_MODELS: dict[str, Callable[[], nn.Module]] = {
    "mlp": _mlp,
    "convolutional": _convolutional,
    "residual": Residual,
    "lstm": lambda: Recurrent(nn.LSTM),
    "gru": lambda: Recurrent(nn.GRU),
    "transformer": Transformer,
}


def trained(kind: str, *, epochs: int = 15) -> nn.Module:
    """Return a model of a kind after some epochs of Adam on the first 1397 digits; 400 stay unseen."""
    torch.manual_seed(0)
    model = _MODELS[kind]()
    images, labels = (torch.from_numpy(a[:1397]) for a in digit_images())
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(epochs):
        for part in torch.randperm(len(labels)).split(64):
            optimiser.zero_grad()
            loss: Any = nn.functional.cross_entropy(model(images[part]), labels[part])
            loss.backward()
            optimiser.step()
    return model.eval()
