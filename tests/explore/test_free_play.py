"""A beginner's free play by a fixed seed: sliders, choices, buttons, handles and keys in any order, on every panel."""

import numpy as np
import pytest

ROUNDS = 25
SLIDE = """([i, share]) => { const e = document.querySelectorAll("main input[type='range']")[i];
    e.value = String(Number(e.min) + share * (e.max - e.min));
    e.dispatchEvent(new Event("input", { bubbles: true })); }"""
CHOOSE = """([i, share]) => { const e = document.querySelectorAll("main select")[i];
    e.selectedIndex = Math.floor(share * e.options.length);
    e.dispatchEvent(new Event("change", { bubbles: true })); }"""
PRESS = """([i, share]) => { const e = document.querySelectorAll("main .handle")[i];
    const key = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"][Math.floor(4 * share)];
    e.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: share > 0.5, bubbles: true })); }"""
CLICK = "([i]) => document.querySelectorAll(\"main button, main input[type='checkbox']\")[i].click()"
TYPE = """([i, share]) => { const e = document.querySelectorAll("main input.number")[i];
    e.value = ["", "x", "-3", "0", "1e99", "0.5", "7"][Math.floor(7 * share)];
    e.dispatchEvent(new Event("change", { bubbles: true })); }"""
ACTS = {
    "main input[type='range']": SLIDE,
    "main select": CHOOSE,
    "main .handle": PRESS,
    "main button, main input[type='checkbox']": CLICK,
    "main input.number": TYPE,
}


def drag(opened, random):
    handles = opened.tab.locator("main .handle:visible .knob")
    if not handles.count():
        return
    box = handles.nth(int(random.integers(handles.count()))).bounding_box()
    if box is None:  # a network that learns has moved its fold away meanwhile
        return
    opened.tab.mouse.move(box["x"] + 6, box["y"] + 6)
    opened.tab.mouse.down()
    for right, down in random.uniform(-400, 400, (3, 2)):
        opened.tab.mouse.move(box["x"] + right, box["y"] + down)
    opened.tab.mouse.up()


@pytest.mark.parametrize("panel", ["function", "linear", "line", "plane", "fit", "vanishing", "network"])
def test_free_play(opened, panel):
    """No complaint (the fixture sees to it), no number that is none, no drawing with one."""
    random = np.random.default_rng(8)
    opened.go(f"#{panel}")
    for _ in range(ROUNDS):
        selector = list(ACTS)[random.integers(len(ACTS))]
        count = opened.tab.locator(selector).count()
        if count:
            opened.tab.evaluate(ACTS[selector], [int(random.integers(count)), float(random.random())])
        if random.random() < 0.15:
            drag(opened, random)
        opened.frame()
        facts = opened.tab.locator("[data-fact]").evaluate_all(
            "nodes => nodes.map((node) => [node.dataset.fact, node.dataset.value, node.textContent])"
        )
        assert not [fact for fact in facts if "NaN" in fact or "NaN" in fact[2] or "undefined" in fact[2]]
        assert (
            opened.tab.locator(
                "main svg [d*='NaN'], main svg [cx='NaN'], main svg [transform*='NaN']"
            ).count()
            == 0
        )
