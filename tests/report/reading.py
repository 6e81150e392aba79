"""Reads a page as a browser would, strictly: every tag closed in order, ids unique; and finds what it refers to."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "wbr", "img", "hr", "input"}
INLINE = {"b", "wbr", "span"}
REFERRING = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
IN_STYLE = re.compile(r"url\(\s*['\"]?([^)'\"]*)|@import\s+([^;]+)")


@dataclass
class Page:
    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def external(self) -> list[str]:
        """Return the references that leave the page."""
        return [reference for reference in self.references if not reference.startswith("#")]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if len(attributes) < len(attrs):
            self.page.faults.append(f"<{tag}> has an attribute twice")
        self.page.tags.append((tag, attributes))
        self.part(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes.items():
            if name in REFERRING:
                self.page.references.append(value or "")
            self.find_in_style(value or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.page.faults.append(f"</{tag}> closes nothing")
        self.part(tag)

    def part(self, tag):
        if tag not in INLINE:
            self.page.text += " "

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.find_in_style(data)
        else:
            self.page.text += data

    def find_in_style(self, text):
        self.page.references += [url or imported for url, imported in IN_STYLE.findall(text)]


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    page = reader.page
    page.faults += [f"<{tag}> is never closed" for tag in reader.open]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    page.faults += [f"id {name} twice" for name in sorted({i for i in ids if ids.count(i) > 1})]
    page.faults += [
        f"{r} refers to nothing" for r in page.references if r.startswith("#") and r[1:] not in ids
    ]
    page.text = " ".join(page.text.split())
    return page
