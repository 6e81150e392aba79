import shutil

import numpy as np
import pytest

from nonlin.explore import demonstrated, load, page

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the page was not tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """The page as `nonlin explore --output` writes it."""
    place = tmp_path_factory.mktemp("explore") / "page.html"
    place.write_text(page(demonstrated()), encoding="utf-8")
    return place


class Opened:
    """A tab with the page, that remembers what went wrong in it and what it asked the network for."""

    def __init__(self, browser, file, **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(120_000)  # a machine that does other work is slow, and not wrong
        self.tab = self.context.new_page()
        self.file = file
        self.complaints, self.requests = [], []
        self.tab.on("console", lambda message: self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))

    def go(self, address=""):
        # a new document each time: a new fragment alone would not load the page again
        self.tab.goto("about:blank")
        self.tab.goto(self.file.as_uri() + address)
        self.frame()  # a key that comes before the first drawing is lost with what it was pressed on
        return self

    def fact(self, key):
        text = self.tab.get_attribute(f"[data-fact='{key}']", "data-value")
        return float(text.replace("Infinity", "inf"))

    def text(self, selector):
        return self.tab.inner_text(selector)

    def frame(self):
        """Wait until what was asked for is drawn."""
        self.tab.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def type(self, selector, text):
        self.tab.fill(selector, text)
        self.tab.dispatch_event(selector, "change")
        self.frame()

    def drag(self, handle, right, down):
        """Drag a handle by pixels, as a mouse does."""
        box = self.tab.locator(f"[data-handle='{handle}'] .knob").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.tab.mouse.move(x, y)
        self.tab.mouse.down()
        for share in np.linspace(0.2, 1.0, 5):
            self.tab.mouse.move(x + share * right, y + share * down)
        self.tab.mouse.up()
        self.frame()

    def press(self, handle, *keys):
        self.tab.focus(f"[data-handle='{handle}']")
        for key in keys:
            self.tab.keyboard.press(key)
        self.frame()

    def exported(self, folder, name="saved.json"):
        """What "Save as JSON" writes, as Python reads it."""
        with self.tab.expect_download() as waiting:
            self.tab.click("[data-key='save']")
        waiting.value.save_as(folder / name)
        return load(folder / name)

    def state(self):
        return self.tab.evaluate("nonlin.state()")


@pytest.fixture
def open_page(browser):
    """Opens pages; a test fails if one complains or asks the network for anything."""
    made = []

    def opening(file, **options):
        made.append(Opened(browser, file, **options))
        return made[-1]

    yield opening
    for page_opened in made:
        page_opened.context.close()
    complaints = [text for page_opened in made for text in page_opened.complaints]
    assert complaints == []
    requests = [url for page_opened in made for url in page_opened.requests]
    assert all(url.startswith(("file:", "blob:", "about:")) for url in requests), requests


@pytest.fixture
def opened(open_page, file):
    """The page at its first panel."""
    return open_page(file).go()
