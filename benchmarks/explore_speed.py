"""How fast the explore page is in Chromium: its first picture, and frames while a 2-16-16-1 network is dragged."""

import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import sync_playwright

from nonlin.explore import demonstrated, page

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
COUNT = """() => { window.times = []; const tick = (t) => { window.times.push(t); requestAnimationFrame(tick); };
    requestAnimationFrame(tick); }"""


def main():
    place = Path(tempfile.mkdtemp()) / "page.html"
    place.write_text(page(demonstrated()), encoding="utf-8")
    print(f"{place.stat().st_size:,} bytes")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for colour in ("map", "output"):
            tab = browser.new_page()
            tab.goto(f"{place.as_uri()}#plane?hidden=16,16&colour={colour}")
            first = float(tab.evaluate("document.documentElement.dataset.firstPicture"))
            box = tab.locator("[data-handle='fold0'] .knob").bounding_box()
            x, y = box["x"] + 6, box["y"] + 6
            tab.mouse.move(x, y)
            tab.mouse.down()
            tab.evaluate(COUNT)
            for i in range(200):
                tab.mouse.move(x + 60 * (i % 20) / 20, y - 40 * (i % 20) / 20)
            times = tab.evaluate("window.times")
            tab.mouse.up()
            seconds = (times[-1] - times[0]) / 1000
            regions = tab.get_attribute("[data-fact='regions']", "data-value")
            slowest = max(b - a for a, b in pairwise(times))
            print(
                f"colour {colour}: first picture after {first:.0f} ms; "
                f"{(len(times) - 1) / seconds:.0f} frames/s, "
                f"slowest frame {slowest:.0f} ms, {regions} regions"
            )
            tab.close()
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
