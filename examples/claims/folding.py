"""The claims of "How does ReLU activation work?"."""

from math import comb, pi

import numpy as np
import torch
from claim import Claim, judged
from made import certified, dense, random_weights, tent
from spread import bias_and_variance

import nonlin

__all__ = ["TITLE", "claims"]

TITLE = "How does ReLU activation work?"


def claims() -> list[Claim]:
    """Settle them."""
    return [one_fold(), n_folds(), surfaces(), wider(), deeper(), wave(), convolution(), spread()]


def one_fold() -> Claim:
    """Count the pieces of one, two and three neurons."""
    seen = [sorted({_pieces(random_weights((1, n, 1), seed)) for seed in range(200)}) for n in (1, 2, 3)]
    holds = [counts[-1] for counts in seen] == [2, 3, 4]
    return Claim(
        said="A ReLU folds its input space; two and three neurons fold it twice and three times.",
        settled="`nonlin.geometry.line` from −1000 to 1000 through 200 random networks each, the counts certified",
        found=f"pieces with 1, 2, 3 neurons: {', '.join(str(counts[-1]) for counts in seen)}",
        verdict=judged(holds=holds, fails=not holds),
    )


def _pieces(weights: list[tuple[np.ndarray, np.ndarray]]) -> int:
    found = nonlin.geometry.line(dense(weights, "relu"), np.array([-1000.0]), np.array([1000.0]))
    return certified(found)


def n_folds() -> Claim:
    """Fold with units that share a fold, that are dead, and that add nothing."""
    copies = [(np.ones((8, 1)), np.zeros(8)), (np.ones((1, 8)), np.zeros(1))]
    still = [(np.zeros((8, 1)), -np.ones(8)), (np.ones((1, 8)), np.zeros(1))]
    free = _pieces(random_weights((1, 8, 1), 1))
    counts = (free, _pieces(copies), _pieces(still))
    return Claim(
        said="n neurons in a layer make n folds.",
        settled="`nonlin.geometry.line` with 8 neurons: random ones, eight copies of one, eight that do not look at the input",
        found=f"{counts[0] - 1}, {counts[1] - 1} and {counts[2] - 1} folds",
        verdict=judged(holds=counts[0] == 9, fails=min(counts) < 9),
        on="the weights: n is the most that a layer can make; copies share a fold, dead neurons make none",
    )


def surfaces() -> Claim:
    """Count how layers fold the folds of the layers before."""
    ends = np.array([0.0]), np.array([1.0])
    counts = [certified(nonlin.geometry.line(tent(layers), *ends)) for layers in range(1, 11)]
    holds = counts == [2**layers for layers in range(1, 11)]
    return Claim(
        said="Layers of ReLU fold what is folded already, into surfaces of many folds.",
        settled="a network of 2 ReLUs a layer that folds [0, 1] onto itself; `nonlin.geometry.line`, certified",
        found=f"pieces with 1, 2, … 10 layers: {', '.join(map(str, counts))}: doubled by every layer",
        verdict=judged(holds=holds, fails=not holds),
    )


def wider() -> Claim:
    """Count regions in a square against the width."""
    widths = (2, 4, 8, 16, 32)
    means = [np.mean([_regions((2, n, 1), seed) for seed in range(10)]) for n in widths]
    most = [comb(n, 0) + comb(n, 1) + comb(n, 2) for n in widths]
    holds = means == sorted(means) and all(mean <= top for mean, top in zip(means, most, strict=True))
    listed = ", ".join(f"{n}: {mean:.1f} of {top}" for n, mean, top in zip(widths, means, most, strict=True))
    return Claim(
        said="More neurons in a layer give more complex functions.",
        settled="linear regions in [−3, 3]², the mean of 10 random networks (`nonlin.geometry.box`, certified), beside the most "
        "that n lines cut a plane into, 1 + n + n(n−1)/2 (Zaslavsky 1975)",
        found=f"regions by width: {listed}",
        verdict=judged(holds=holds, fails=not holds),
    )


def _regions(widths: tuple[int, ...], seed: int) -> int:
    network = dense(random_weights(widths, seed), "relu")
    return certified(nonlin.geometry.box(network, np.full(widths[0], -3.0), np.full(widths[0], 3.0)))


def deeper() -> Claim:
    """Compare depth and width at the same number of units, for random weights and for chosen ones."""
    shapes = ((2, 16, 1), (2, 8, 8, 1), (2, 4, 4, 4, 4, 1))
    means = [np.mean([_regions(shape, seed) for seed in range(20)]) for shape in shapes]
    chosen = certified(nonlin.geometry.line(tent(8), np.array([0.0]), np.array([1.0])))
    most = nonlin.geometry.count(
        dense(random_weights((1, 16, 1), 0), "relu"), [-1000.0], [1000.0]
    ).arrangement
    return Claim(
        said="Several layers of ReLU fold more than one layer of as many neurons.",
        settled="16 ReLUs in one, two and four layers: regions in [−3, 3]², the mean of 20 random networks; and 16 ReLUs with chosen "
        "weights on a line, beside the most that one layer can make (`nonlin.geometry.count`)",
        found=f"random: {', '.join(f'{mean:.1f}' for mean in means)}; chosen: {chosen} with eight layers against {most} with one",
        verdict=judged(holds=chosen > most, fails=means[2] < means[0]),
        on="the weights: chosen ones gain exponentially, random ones lose",
    )


def wave() -> Claim:
    """Rectify a sine, and compare its mean and its first harmonics with those of a half-wave rectifier."""
    t = np.arange(4096) * (2 * pi / 4096)
    y = nonlin.function("relu")(np.sin(t))
    spectrum = np.abs(np.fft.rfft(y)) / 4096
    same = np.array_equal(y, np.where(np.sin(t) > 0, np.sin(t), 0)) and abs(spectrum[0] - 1 / pi) < 1e-6
    return Claim(
        said="ReLU is a half-wave rectifier.",
        settled='`nonlin.function("relu")` on one period of a sine: its mean is 1/π, its harmonics are the first and the even ones',
        found=f"mean {spectrum[0]:.6f} (1/π = {1 / pi:.6f}); first {2 * spectrum[1]:.4f}, second {2 * spectrum[2]:.4f}, "
        f"third {2 * spectrum[3]:.4f}",
        verdict=judged(holds=bool(same), fails=not same),
    )


def convolution() -> Claim:
    """Count the folds of a convolutional network with and without ReLU."""
    torch.manual_seed(0)
    first, second = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(4 * 6 * 6, 3)
    layers = (first, torch.nn.ReLU(), torch.nn.Flatten(), second), (first, torch.nn.Flatten(), second)
    ends = np.random.default_rng(0).normal(size=(2, 1, 8, 8))
    example = torch.zeros(2, 1, 8, 8)
    counts = []
    for parts in layers:
        network = nonlin.read(torch.nn.Sequential(*parts), example)
        counts.append(nonlin.geometry.line(network, *ends).count)
    holds = counts[0] > 1 and counts[1] == 1
    return Claim(
        said="A convolution is linear as well; the ReLU behind it is what bends the network.",
        settled="a convolution of 3×3 with 4 channels and a dense layer, `nonlin.geometry.line` between two random images",
        found=f"{counts[0]} pieces with ReLU, {counts[1]} without",
        verdict=judged(holds=holds, fails=not holds),
    )


def spread() -> Claim:
    """Measure bias and variance against the width."""
    widths = (1, 2, 4, 16, 64, 256)
    rows = bias_and_variance(widths)
    biased = rows[0].bias > 10 * rows[-1].bias
    variances = [row.variance for row in rows]
    rising = variances == sorted(variances)
    least = min(rows, key=lambda row: row.variance).width
    listed = "; ".join(f"{row.width}: {row.bias:.3f} and {row.variance:.3f}" for row in rows)
    return Claim(
        said="More neurons lower the bias and raise the variance.",
        settled="one hidden layer of ReLU on 30 noisy points of sin 3x, 40 data sets a width, 2000 steps of Adam; squared bias and variance",
        found=f"by width: {listed}",
        verdict=judged(holds=biased, fails=not rising),
        on=f"the width: the variance is least with {least} neurons; narrower networks find another fit every time",
        repeats=False,
    )
