"""The documentation builds without a warning and without a network, and its pages work from disk."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nonlin

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    where = tmp_path_factory.mktemp("site")
    # a proxy that nothing answers: a build that asks for anything fails
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(where)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return where


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Playwright here")
    with playwright.sync_playwright() as p:
        started = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser, site):
    troubles = []
    contexts = []

    def opened(name, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(("file:", "data:", "blob:")) else troubles.append(asked.url)
            ),
        )
        page.goto((site / name).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles


def test_every_page_is_built_and_refers_to_nothing_outside(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    assert pages <= built
    for name in built:
        text = (site / name).read_text(encoding="utf-8")
        assert not re.findall(
            r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//""", text
        ), name


def test_every_public_name_of_the_functions_is_in_the_reference(site):
    text = (site / "reference" / "functions.html").read_text(encoding="utf-8")
    for name in ("function", "define", "functions", "Function", "linearity", "gain", "initialize_"):
        assert re.search(rf'id="[a-z._]*\.{name}"', text), name
    assert "<blockquote" not in text  # an example is code


def test_every_command_is_in_the_reference(site):
    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in ("inspect", "function", "functions", "bench"):
        assert f'id="nonlin-{name}"' in text


def test_each_function_has_a_card_with_what_is_known(site):
    text = (site / "catalogue.html").read_text(encoding="utf-8")
    cards = dict(re.findall(r'<article data-name="(\w+)"(.*?)</article>', text, re.DOTALL))
    assert list(cards) == [f.name for f in nonlin.functions()]
    for f in nonlin.functions():
        card = cards[f.name]
        assert "<svg" in card, f.name
        assert f.entry.paper.split(",")[0] in card or "&" in f.entry.paper, f.name
        assert "<code>" in card if f.vector else "<math" in card, f.name
        if not f.vector:
            assert f"{f.moments().gain:.4f}" in card, f.name
            assert f'title="{f.properties.monotone.status}: ' in card, f.name


def test_the_search_finds_functions_and_words(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    places = {entry["location"] for entry in index["docs"]}
    assert "catalogue.html#gelu" in places
    assert sum(len(entry["text"]) for entry in index["docs"]) < 1e6  # the pictures' numbers are left out


def test_the_table_sorts_and_filters(open_page):
    page = open_page("catalogue.html")
    names = "[...document.querySelectorAll('.catalogue tbody tr:not([hidden])')].map(row => row.dataset.name)"
    cards = "[...document.querySelectorAll('.cards article:not([hidden])')].map(card => card.dataset.name)"
    page.get_by_role("button", name="gain").click()
    scalar = [f for f in nonlin.functions() if not f.vector]
    shown = page.evaluate(names)
    gains = [nonlin.function(name).moments().gain for name in shown[: len(scalar)]]
    finite = [gain for gain in gains if gain == gain]  # noqa: PLR0124 - NaN is not itself
    assert finite == sorted(finite)
    assert finite != sorted(finite, reverse=True)
    assert page.evaluate(cards) == shown
    page.get_by_label("piecewise linear").check()
    page.get_by_label("bounded").check()
    held = {
        f.name
        for f in nonlin.functions()
        if f.properties.piecewise_linear.value and f.properties.bounded.value
    }
    assert set(page.evaluate(names)) == set(page.evaluate(cards)) == held
    page.get_by_label("bounded").uncheck()
    page.get_by_placeholder("name").fill("maas")
    assert page.evaluate(names) == ["leaky_relu"]
    assert page.locator(".catalogue output").inner_text() == f"1 of {len(nonlin.functions())}"


def test_the_search_works_from_disk(open_page):
    page = open_page("index.html")
    page.get_by_placeholder("Search").first.click()
    page.keyboard.type("rule of three")
    page.locator(".md-search-result__item").first.wait_for(timeout=20_000)


@pytest.mark.parametrize(
    "name", ["index.html", "catalogue.html", "claims.html", "pictures.html", "reference/functions.html"]
)
def test_a_phone_needs_no_sideways_scrolling(open_page, name):
    page = open_page(name, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
