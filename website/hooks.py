"""What the documentation is made of besides its pages: a way through them, pages from elsewhere, made pages."""

import posixpath
import re
from pathlib import Path
from typing import Any

import catalogue
import commands
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_config", "on_files", "on_page_content", "on_page_markdown"]

ROOT = Path(__file__).parents[1]
BORROWED = {"benchmarks/RESULTS.md": "measurements.md", "CHANGELOG.md": "changelog.md"}
"""Pages that stand elsewhere in the repository."""

MADE = {"<!-- commands -->": commands.write}
"""What takes the place of a mark in a page's Markdown."""

DRAWN = {"<!-- catalogue -->": catalogue.write}
"""What takes the place of a mark in a page's HTML."""

START = [{"Home": "index.md"}, "tutorial.md"]
GUIDES = [
    "functions.md",
    "inspection.md",
    "curing.md",
    "watching.md",
    "prediction.md",
    "geometry.md",
    "approximate.md",
]
"""The guides that come first; others follow by name."""

SHOWN = ["catalogue.md", "claims.md", "gallery.md"]
EXPLAINED = ["exact_and_sampled.md", "properties.md", "faults.md"]
END = ["measurements.md", "changelog.md"]
GATHERED = {"measurements.md": "Measurements"}
"""Borrowed pages that have several first headings, and the title to put above them."""

HEADING = re.compile(r"^(?=#{1,5} )|^```.*?^```$", re.MULTILINE | re.DOTALL)
"""Where a heading begins; a fenced block is taken whole, for a comment in it looks like one."""

LIST = re.compile(r"^(?![-\s|#>]|\d+\. )(.+)\n(?=- |1\. )", re.MULTILINE)
"""A list right below a line of text, which Markdown has and this Markdown does not without an empty line."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every page into the way through the documentation; one that nothing names is a guide."""
    docs = Path(config.docs_dir)
    placed = {"index.md", "tutorial.md", *GUIDES, *SHOWN, *EXPLAINED, *END}
    others = sorted({path.name for path in docs.glob("*.md")} - placed)
    config.nav = [
        *START,
        {"Guides": [*GUIDES, *others]},
        {"See for yourself": SHOWN},
        {"Explanation": [*EXPLAINED, {"Decisions": _pages(docs, "decisions")}]},
        {"Reference": _pages(docs, "reference")},
        *END,
    ]
    return config


def _pages(docs: Path, folder: str) -> list[Any]:
    return sorted(path.relative_to(docs).as_posix() for path in (docs / folder).glob("*.md"))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand elsewhere."""
    for source, name in BORROWED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if name in GATHERED:
            text = f"# {GATHERED[name]}\n\n" + HEADING.sub(lambda match: match[0] or "#", text)
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill in what is made, and let links to borrowed pages lead to where they stand here."""
    for mark, write in MADE.items():
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    folder = posixpath.dirname(page.file.src_uri)
    for source, name in BORROWED.items():
        elsewhere = posixpath.relpath(f"../{source}", folder or ".")
        markdown = markdown.replace(f"]({elsewhere}", f"]({posixpath.relpath(name, folder or '.')}")
    return LIST.sub(r"\1\n\n", markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Fill in what is drawn, and name the page, for what looks otherwise on it."""
    for mark, write in DRAWN.items():
        if mark in html:
            html = html.replace(mark, write())
    return f'<div class="page-{posixpath.splitext(page.file.name)[0]}">{html}</div>'
