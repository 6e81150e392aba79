"""What the pages show is what comes out: every example of the README and the documentation runs here."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

PYTHON = re.compile(
    r"^```python\n(?P<code>(?:(?!>>>).*\n)+?)```\n\n```\n(?P<shown>(?:.*\n)*?)```$", re.MULTILINE
)
CONSOLE = re.compile(r"^```console\n\$ (?P<command>.*)\n(?P<shown>(?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def cases(pattern):
    found = [(page, match) for page in PAGES for match in pattern.finditer(page.read_text(encoding="utf-8"))]
    names = [f"{page.name}-{i}" for i, (page, _) in enumerate(found)]
    return pytest.mark.parametrize(("page", "match"), found, ids=names)


def run(command, tmp_path):
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "Traceback" not in result.stderr, result.stderr
    return result.stdout


def lines(text):
    return [line.rstrip() for line in text.strip().splitlines()]


@cases(PYTHON)
def test_python_examples(page, match, tmp_path):
    assert lines(run([sys.executable, "-c", match["code"]], tmp_path)) == lines(match["shown"])


@cases(CONSOLE)
def test_console_examples(page, match, tmp_path):
    words = shlex.split(match["command"])
    assert words[0] == "nonlin"
    assert lines(run([sys.executable, "-m", *words], tmp_path)) == lines(match["shown"])


def test_the_examples_are_found():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert PYTHON.search(readme)
    assert CONSOLE.search((ROOT / "docs" / "inspection.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
