"""Matplotlib figures as SVG inside a page: its text is the page's, its colours follow light and dark."""

import io
import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from nonlin.pictures import style

__all__ = ["embed", "image"]

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"

_VARIABLES: Final[Mapping[str, str]] = {
    style.INK: "ink",
    style.MUTED: "muted",
    style.GRID: "grid",
    style.HEALTHY: "healthy",
    style.NO_SLOPE: "no-slope",
    style.AT_REST: "at-rest",
    style.LINEAR: "linear",
    style.DEAD: "dead",
}
"""The colours that differ between a light and a dark page."""

_COLOUR: Final = re.compile("|".join(_VARIABLES))
_FAMILY: Final = re.compile(r"(font-family:|font: [^']*?px) [^;]*")
_LONG: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")


_UNDATED: Final[Mapping[str, Mapping[str, None]]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""By the kind of file: without the date, the same picture is the same file."""


def image(figure: Figure, form: str) -> bytes:
    """Return a figure as a file's content.

    Args:
        figure: the picture.
        form: "png", "svg" or "pdf".
    """
    held = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "nonlin"}):
        figure.savefig(held, format=form, dpi=200, facecolor="white", metadata=_UNDATED.get(form))
    return held.getvalue()


def embed(figure: Figure, key: str, description: str) -> Markup:
    """Return a figure as an <svg> element for a page.

    Args:
        figure: the picture.
        key: a word that no other picture on the page has; its ids begin with it.
        description: what a reader hears who does not see it.

    Returns:
        Safe markup: every text in it is escaped, nothing in it refers outside the page.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nonlin"}):
        figure.savefig(text, format="svg", facecolor="none", metadata={"Date": None})
    root = ET.fromstring(text.getvalue())  # noqa: S314 - matplotlib has just written it
    _shrink(root)
    _recolour(root)
    _rename(root, key)
    for name in ("height", "version"):
        root.attrib.pop(name, None)
    root.set("width", f"{figure.get_figwidth() * 96:.0f}")
    root.set("role", "img")
    root.set("aria-label", description)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    # its only input is the tree, whose texts and attributes ElementTree escapes
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


def _shrink(root: ET.Element) -> None:
    """Drop what the page does not need: metadata, a style sheet of its own, white space, digits below a hairline."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.tail = None
        if element.tag != f"{{{_SVG}}}text":
            element.text = None
        for name in ("d", "x", "y", "width", "height", "transform", "points"):
            if name in element.attrib:
                short = _LONG.sub(lambda match: f"{float(match.group()):.2f}", element.attrib[name])
                element.set(name, " ".join(short.split()))


def _recolour(root: ET.Element) -> None:
    """Let colours and fonts come from the page's style sheet."""
    for element in root.iter():
        if declared := element.get("style"):
            declared = _COLOUR.sub(lambda match: f"var(--{_VARIABLES[match.group()]})", declared)
            element.set("style", _FAMILY.sub(r"\1 var(--sans)", declared))


def _rename(root: ET.Element, key: str) -> None:
    """Drop the ids that nothing refers to, and make the others unique on the page."""
    link = f"{{{_XLINK}}}href"
    used = {value[1:] for element in root.iter() if (value := element.get(link, "")).startswith("#")}
    for element in root.iter():
        for value in element.attrib.values():
            used.update(_REFERENCE.findall(value))
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{key}-{name}")
        for attribute, value in element.attrib.items():
            if attribute == link and value.startswith("#"):
                element.set(link, f"#{key}-{value[1:]}")
            elif "url(#" in value:
                element.set(attribute, _REFERENCE.sub(rf"url(#{key}-\1)", value))
