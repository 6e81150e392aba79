"""The page of explanations: one self-contained HTML file, put together from small modules and the catalogue."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from nonlin.explore.bundling import bundle
from nonlin.explore.catalogue import catalogue_module
from nonlin.functions.javascript import javascript_primitives

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

__all__ = ["page"]


def page(network: Mapping[str, Any] | None = None, *, language: Literal["en", "zh"] = "en") -> str:
    """Return the page as HTML that needs nothing else: no server, no request to any network.

    Args:
        network: what the panel "My network" shows, from `nonlin.explore.network.embedded`; None for an example.
        language: the one that it opens in; the reader can change it.
    """
    data = {"network": network, "language": language, "version": _version()}
    parts = {
        "CSS": _text("page.css"),
        # "<" could end the element that holds the data
        "DATA": json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        "SCRIPT": _script(),
    }
    # in one pass, so that nothing inside a part is taken for the place of another
    return re.sub("%(CSS|DATA|SCRIPT)%", lambda match: parts[match[1]], _text("page.html"))


@cache
def _script() -> str:
    modules = dict(_modules(files("nonlin.explore").joinpath("page")))
    words = json.loads(_text("words.json"))
    modules["words.js"] = f"export const WORDS = {json.dumps(words, ensure_ascii=False)};\n"
    modules["generated.js"] = catalogue_module()
    modules["javascript_primitives.js"] = javascript_primitives()
    return bundle(modules, "main.js")


def _modules(folder: Traversable) -> list[tuple[str, str]]:
    found = []
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.is_dir():
            found += _modules(item)
        elif item.name.endswith(".js"):
            found.append((item.name, item.read_text(encoding="utf-8")))
    return found


def _text(name: str) -> str:
    return files("nonlin.explore").joinpath("page", name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("nonlin")
    except PackageNotFoundError:
        return ""
