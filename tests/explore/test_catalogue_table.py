"""The documentation's table of functions in a browser: sorted and filtered by mouse and keyboard; the cards follow."""

import sys
from pathlib import Path

import pytest

import nonlin

ROOT = Path(__file__).parents[2]
NAMES = ("relu", "gelu", "sigmoid", "tanh", "softmax")


@pytest.fixture
def table(browser, tmp_path, monkeypatch):
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(ROOT / "website")
    monkeypatch.setattr(nonlin, "functions", lambda: [nonlin.function(name) for name in NAMES])
    import catalogue

    place = tmp_path / "catalogue.html"
    script = (ROOT / "docs/assets/javascripts/catalogue.js").read_text(encoding="utf-8")
    place.write_text(f"<meta charset=utf-8>{catalogue.write()}<script>{script}</script>", encoding="utf-8")
    sys.modules.pop("catalogue")
    complaints = []
    tab = browser.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(place.as_uri())
    yield tab
    tab.close()
    assert complaints == []


def shown(tab):
    rows = tab.locator("tbody tr:visible th").all_inner_texts()
    cards = tab.locator(".cards article:visible").evaluate_all("all => all.map((card) => card.dataset.name)")
    assert rows == cards
    return rows


def test_it_is_sorted_and_filtered_by_mouse_and_keyboard(table):
    gains = {name: nonlin.function(name).moments().gain for name in NAMES[:-1]}
    upwards = sorted(gains, key=gains.get)
    table.click("th button:has-text('gain')")
    assert shown(table) == [*upwards, "softmax"]  # which has no gain
    table.keyboard.press("Enter")
    assert shown(table) == [*upwards[::-1], "softmax"]
    assert table.get_attribute("th:has-text('gain')", "aria-sort") == "descending"
    table.fill("input[type=search]", "hendrycks")
    assert shown(table) == ["gelu"]
    table.fill("input[type=search]", "")
    table.focus("input[value=bounded]")
    table.keyboard.press("Space")
    assert sorted(shown(table)) == sorted(f for f in NAMES if nonlin.function(f).properties.bounded.value)
    assert table.inner_text("output") == f"{len(shown(table))} of {len(NAMES)}"


def test_every_card_has_its_picture_formula_properties_and_paper(table):
    for name in NAMES:
        card = f"article[data-name='{name}']"
        assert table.locator(f"{card} figure svg path").count() > 3
        assert table.locator(f"{card} .formula :is(math, code)").count() == 1
        assert table.locator(f"{card} dl dd").count() >= 7
        assert str(nonlin.function(name).entry.year) in table.inner_text(f"{card} .paper")
