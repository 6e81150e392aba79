"""The page as a whole: one file, no network, address, keyboard, languages, colours, phone, speed."""

import json
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from made_networks import some_data, write_network

from nonlin.errors import InvalidInputError, MissingDependencyError, MissingInputError
from nonlin.explore import catalogue, load, network, page, slices, widget
from nonlin.explore.bundling import bundle
from nonlin.explore.catalogue import PROPERTIES_FILE, known_properties, scalar_functions

PANELS = ("function", "linear", "line", "plane", "fit", "vanishing", "network")
LARGEST = 1_500_000
SVG = "{http://www.w3.org/2000/svg}"


def test_one_small_file_without_a_single_address_of_a_network(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert not re.search(r"(src|href)=|@import|url\(h", text.split("<script", 1)[0])
    assert "connect-src" not in text
    assert "default-src 'none'" in text


def words_of(text):
    return json.JSONDecoder().raw_decode(text.split("const WORDS = ", 1)[1])[0]


def test_the_words_of_both_languages_are_the_same_ones():
    words = words_of(page())
    assert words["en"].keys() == words["zh"].keys()
    assert all(text.strip() for texts in words.values() for text in texts.values())
    places = re.compile(r"\{\w+\}")
    assert all(
        sorted(places.findall(words["en"][k])) == sorted(places.findall(words["zh"][k])) for k in words["en"]
    )


def test_every_word_that_a_module_asks_for_is_there():
    text = page()
    words = words_of(text)["en"]
    asked = set(re.findall(r"\bt\(\"([\w.]+)\"", text))
    assert asked
    assert asked <= words.keys()


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "snake"])
def test_the_properties_in_the_page_are_those_that_are_derived(name):
    written = json.loads(
        catalogue.files("nonlin.explore").joinpath(PROPERTIES_FILE).read_text(encoding="utf-8")
    )
    assert written.keys() == {f.name for f in scalar_functions()}
    f = next(f for f in scalar_functions() if f.name == name)
    assert json.loads(json.dumps(known_properties(f))) == written[name]


@pytest.mark.campaign
def test_all_properties_in_the_page_are_those_that_are_derived():
    written = json.loads(
        catalogue.files("nonlin.explore").joinpath(PROPERTIES_FILE).read_text(encoding="utf-8")
    )
    for f in scalar_functions():
        assert json.loads(json.dumps(known_properties(f))) == written[f.name], f.name


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("kind", ["phone", "dark", "chinese"])
def test_every_panel(open_page, file, panel, kind):
    """It fits a phone, is dark where that is asked for, and is Chinese where that is."""
    options = {
        "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
        "dark": {"color_scheme": "dark"},
    }
    made = open_page(file, **options.get(kind, {})).go(
        f"#{panel}" + ("?lang=zh" if kind == "chinese" else "")
    )
    assert made.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert made.tab.locator("main svg .frame").count() >= 1
    paper = made.tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(22, 25, 28)") == (kind == "dark")
    heading = made.text("h1")
    assert bool(re.search(r"[\u4e00-\u9fff]", heading)) == (kind == "chinese")
    if kind == "chinese":
        assert made.tab.get_attribute("html", "lang") == "zh-Hans"


def test_handles_tell_a_screen_reader_what_they_are(opened):
    opened.go("#line?n=2&m=2")
    for handle in opened.tab.locator(".handle").all():
        assert handle.get_attribute("role") == "slider"
        assert handle.get_attribute("aria-label")
        assert handle.get_attribute("aria-valuetext")
        now, low, high = (float(handle.get_attribute(f"aria-value{part}")) for part in ("now", "min", "max"))
        assert low <= now <= high


def test_tabs_by_keyboard_and_each_panel_keeps_its_state(opened):
    opened.go("#line?n=5")
    opened.tab.focus("[data-tab='line']")
    opened.tab.keyboard.press("ArrowRight")
    assert opened.tab.get_attribute("main", "data-panel") == "plane"
    assert opened.tab.evaluate("document.activeElement.dataset.tab") == "plane"
    opened.tab.keyboard.press("ArrowLeft")
    assert opened.state()["n"] == 5


def test_the_address_brings_back_the_picture(opened):
    opened.go("#line?n=2")
    opened.drag("bias0", 50, 0)
    opened.tab.wait_for_url(lambda url: "b=" in url)
    address, pieces, b = opened.tab.evaluate("location.hash"), opened.fact("pieces"), opened.state()["b"]
    opened.go(address)
    assert (opened.fact("pieces"), opened.state()["b"]) == (pieces, b)


@pytest.mark.parametrize(
    "address",
    [
        "#nothing",
        "#line?n=abc",
        "#line?n=%E0%A4%A",
        "#line?z=1",
        "#plane?hidden=0",
        "#plane?hidden=9999",
        "#function?f=evil",
        "#vanishing?init=x",
        "#function?lang=xx",
        "#linear?w=1",
        "#line?b=1,,2",
    ],
)
def test_a_wrong_address_is_said_and_does_no_harm(opened, address):
    opened.go(address)
    assert "not understood" in opened.text("#notice")
    assert opened.tab.locator("main svg .frame").count() >= 1


def test_a_wrong_file_is_said(opened, tmp_path):
    for text in (
        "{",
        "[]",
        '{"format": "nonlin-explore/1", "panel": "x"}',
        '{"format": "nonlin-explore/1", "panel": "line", "state": {"n": "a"}}',
    ):
        opened.go("#line")  # so that what is read is no older message
        assert not opened.tab.locator("#notice").is_visible()
        (tmp_path / "wrong.json").write_text(text, encoding="utf-8")
        opened.tab.set_input_files("[data-key='file']", tmp_path / "wrong.json")
        opened.tab.wait_for_selector("#notice:not([hidden])")
        assert "cannot be read" in opened.text("#notice")


def test_language_and_colours_by_their_buttons(opened):
    opened.tab.click("[data-key='language']")
    assert opened.text("h1") == "一个激活函数"
    opened.tab.click("[data-key='theme']")
    opened.tab.click("[data-key='theme']")
    assert opened.tab.get_attribute("html", "data-theme") == "dark"


@pytest.mark.parametrize(
    ("address", "charts"),
    [("plane?hidden=3&colour=output", 1), ("line?n=2&m=2", 3), ("line?n=2", 2), ("network", 1)],
)
def test_a_picture_stands_alone(opened, tmp_path, address, charts):
    """All charts that are seen, with their colours written out: no class, variable or mixture is left to resolve."""
    opened.go(f"#{address}")
    with opened.tab.expect_download() as waiting:
        opened.tab.click("[data-key='picture']")
    waiting.value.save_as(tmp_path / "picture.svg")
    root = ET.parse(tmp_path / "picture.svg").getroot()  # noqa: S314 - the page made it
    assert len(root.findall(f".//{SVG}svg")) == charts
    assert all(len(list(svg.iter(f"{SVG}path"))) > 1 for svg in root.iter(f"{SVG}svg"))
    nodes = list(root.iter())
    assert not any({"class", "style", "tabindex"} & set(node.keys()) for node in nodes)
    values = [value for node in nodes for value in node.attrib.values()]
    assert not any("var(" in value or "color" in value for value in values)
    assert all(svg.findall(f".//{SVG}text") for svg in root.iter(f"{SVG}svg"))


def test_every_function_s_properties_are_said_in_words(opened):
    """Nothing that the table of properties shows is left untranslated, for any function."""
    opened.go("#function")
    for name in [f.name for f in scalar_functions()]:
        opened.tab.select_option("[data-key='f']", name)
        opened.frame()
        shown = opened.tab.locator("[data-property]").all_inner_texts()
        assert len(shown) == 11, name
        assert not any("word." in text or "undefined" in text or "NaN" in text for text in shown), (
            name,
            shown,
        )


def test_the_nearest_of_two_handles_is_taken(opened):
    """Where the reaches of two handles overlap, the one drawn last does not win."""
    opened.go("#line?n=2&w=1,1&b=0,-0.25&v=1,1")
    box = opened.tab.locator("[data-handle='bias0'] .knob").bounding_box()
    x, y = box["x"] + 2, box["y"] + box["height"] / 2
    opened.tab.mouse.move(x, y)
    opened.tab.mouse.down()
    opened.tab.mouse.move(x - 60, y)
    opened.tab.mouse.up()
    opened.frame()
    b = opened.state()["b"]
    assert b[0] > 0.3
    assert b[1] == -0.25


def test_a_network_that_is_folded_in_python(open_page, tmp_path):
    """A curved network has no regions: its output on a grid."""
    model = write_network(tmp_path / "curved.onnx", [("a", "Tanh"), ("b", "Relu")], classes=3)
    np.save(tmp_path / "data.npy", some_data())
    shown = network.embedded(model, tmp_path / "data.npy")
    assert shown["picture"]["size"] ** 2 == len(shown["picture"]["values"][0])
    place = tmp_path / "page.html"
    place.write_text(page(shown), encoding="utf-8")
    made = open_page(place).go()
    assert made.tab.get_attribute("main", "data-panel") == "network"
    assert made.tab.locator("main svg .marks rect").count() == shown["picture"]["size"] ** 2


def test_a_large_network_s_regions_come_from_python(open_page, tmp_path, monkeypatch):
    monkeypatch.setattr(network, "_MOST_WEIGHTS", 10)
    model = write_network(tmp_path / "bent.onnx", [("a", "Relu"), ("b", "LeakyRelu")], classes=3)
    np.save(tmp_path / "data.npy", some_data())
    shown = network.embedded(model, tmp_path / "data.npy")
    assert shown["layers"] is None
    place = tmp_path / "page.html"
    place.write_text(page(shown), encoding="utf-8")
    made = open_page(place).go()
    assert made.fact("regions") == shown["count"] == len(shown["cells"])
    monkeypatch.undo()
    place.write_text(page(network.embedded(model, tmp_path / "data.npy")), encoding="utf-8")
    assert made.go().fact("regions") == shown["count"]
    assert [made.fact(f"line{i}") for i in range(3)] == [n for _, n in shown["lines"]]


def test_more_regions_than_can_be_seen_are_a_grid(open_page, tmp_path, monkeypatch):
    monkeypatch.setattr(network, "_MOST_WEIGHTS", 10)
    monkeypatch.setattr(slices, "_MOST_CELLS", 2)
    model = write_network(tmp_path / "bent.onnx", [("a", "Relu"), ("b", "Relu")], classes=3)
    shown = network.embedded(model, some_data())
    assert shown["many"]
    assert shown["random"] is False
    place = tmp_path / "page.html"
    place.write_text(page(shown), encoding="utf-8")
    assert "too many to be seen" in open_page(place).go().text("main")


def test_without_data_the_samples_are_random_and_the_page_says_so(open_page, tmp_path):
    model = write_network(tmp_path / "bent.onnx", [("a", "Relu"), ("b", "Relu")], classes=3)
    place = tmp_path / "page.html"
    place.write_text(page(network.embedded(model)), encoding="utf-8")
    made = open_page(place).go()
    assert "random numbers" in made.text("main .notice")
    assert made.fact("regions") >= 1


def test_the_command(tmp_path):
    def run(*words):
        command = [sys.executable, "-m", "nonlin", "explore", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert run("--output", "page.html", "--language", "zh").returncode == 0
    assert '"language": "zh"' in (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in (
        ["model.onnx"],
        ["--data", "x.npy"],
        ["--output", "page.txt"],
        ["no.onnx", "--data", "no.npy"],
    ):
        wrong = run(*words)
        assert wrong.returncode == 2
        assert "nonlin: " in wrong.stderr


def test_what_is_no_file_of_the_page(tmp_path):
    with pytest.raises(MissingInputError, match="there is no"):
        load(tmp_path / "none.json")
    for text in ("{", "[]", '{"format": "nonlin-explore/1", "panel": "line", "network": [{"weight": 3}]}'):
        (tmp_path / "wrong.json").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInputError, match="save it again there"):
            load(tmp_path / "wrong.json")


def test_modules_are_put_together():
    modules = {"a.js": 'import { b } from "./b.js";\nexport const a = b + 1;', "b.js": "export const b = 1;"}
    assert bundle(modules, "a.js").index("module_b =") < bundle(modules, "a.js").index("module_a =")
    with pytest.raises(InvalidInputError, match="circle"):
        bundle(modules | {"b.js": 'import { a } from "./a.js";\nexport const b = a;'}, "a.js")
    with pytest.raises(InvalidInputError, match="by name"):
        bundle({"a.js": "export default 1;"}, "a.js")


def test_a_notebook(opened, browser, file, tmp_path):
    """The widget's module with a model as a notebook hands it in: the page is there, and its address goes both ways."""
    pytest.importorskip("anywidget")
    made = widget(address="#line?n=2")
    assert made.address == "#line?n=2"
    esm = catalogue.files("nonlin.explore").joinpath("notebook.js").read_text(encoding="utf-8")
    host = tmp_path / "host.html"
    traits = json.dumps({"page": made.page, "address": made.address, "height": 700}).replace("<", "\\u003c")
    host.write_text(
        "<body style='background: #111'><div id=el></div>"
        f"<script type=module>{esm.replace('export default', 'const module =')}\n"
        f"const values = {traits}; const heard = {{}};\n"
        "window.model = { get: (k) => values[k], set: (k, v) => (values[k] = v), save_changes() {}, "
        "on: (k, f) => (heard[k] = f), fire: (k) => heard[k]() };\n"
        "module.render({ model: window.model, el: document.getElementById('el') });</script>",
        encoding="utf-8",
    )
    tab = browser.new_page()
    tab.goto(host.as_uri())
    frame = tab.frame_locator("iframe")
    frame.locator("main[data-panel='line']").wait_for()
    frame.locator(
        "html[data-theme='dark']"
    ).wait_for()  # as the notebook is, whatever the system's colours are
    frame.locator("[data-number='n']").fill("4")
    frame.locator("[data-number='n']").dispatch_event("change")
    tab.wait_for_function("window.model.get('address').includes('n=4')")
    tab.evaluate("window.model.set('address', '#fit?n=3'); window.model.fire('change:address')")
    frame.locator("main[data-panel='fit']").wait_for()
    tab.close()


def test_without_anywidget(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingDependencyError, match=r"nonlin\[notebook\]"):
        widget()
