"""The page of an inspection: whole, true to the figures, and safe whatever a model's names are."""

import re
from dataclasses import replace

import pytest
from reading import read

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.inspection import Folds, Inspection
from nonlin.report import fragment, html, page, write_html

NASTY = '<script>alert(\'x\')</script>&"$\\frac{" onload="alert(1)'


@pytest.fixture(scope="module")
def demo_page(demo):
    return read(page(demo))


def test_it_is_well_formed(demo_page):
    assert demo_page.faults == []
    assert len(demo_page.named("svg")) == 3 + 2 * 4


def test_it_asks_nothing_of_any_network_and_runs_no_script(demo_page):
    assert demo_page.external() == []
    assert demo_page.named("script") == []
    assert not [name for _, attributes in demo_page.tags for name in attributes if name.startswith("on")]
    policy = next(m["content"] for m in demo_page.named("meta") if "http-equiv" in m)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_finding_stands_on_it_with_figure_threshold_samples_and_advice(demo, demo_page):
    assert demo.findings
    for finding in demo.findings:
        assert finding.message in demo_page.text
        assert finding.advice in demo_page.text
    assert "share of units 48%, threshold 5%, 540 samples" in demo_page.text


def test_its_headline_and_facts(demo_page):
    assert "Not healthy on these 540 samples: 45 of 168 units in 4 calls are dead." in demo_page.text
    assert "Accuracy 94.8%" in demo_page.text
    assert "Parameters 9,890" in demo_page.text


def test_every_call_has_a_row_with_its_figures(demo, demo_page):
    for call in demo.calls:
        assert f"{call.name} {call.function} {call.units} {call.dead} (" in demo_page.text
        assert f"after {call.layer}, shape {call.units}" in demo_page.text


def test_the_worst_call_is_open_and_no_other(demo_page):
    calls = [found for found in demo_page.named("details") if found.get("class") != "causes"]
    assert ["open" in attributes for attributes in calls] == [True, False, False, False]


def test_the_causes_of_the_first_finding_of_a_kind_are_open(demo_page):
    causes = [found for found in demo_page.named("details") if found.get("class") == "causes"]
    assert ["open" in attributes for attributes in causes] == [True, False, False, False]


def test_the_folds_say_what_they_rest_on(demo, demo_page):
    assert (
        "crosses 46 folds of the network; between them it is affine, in 47 linear pieces." in demo_page.text
    )
    assert "The count is certified" in demo_page.text
    for line, words in (
        (replace(demo.folds.line, certified=False, undecided=2), "not certified: 2 decisions were smaller"),
        (replace(demo.folds.line, certified=False, undecided=0), "computed in float64 and not certified. "),
    ):
        text = read(page(replace(demo, folds=replace(demo.folds, line=line)))).text
        assert words in text
        assert "The count is certified" not in text


def test_a_line_without_a_fold(made):
    text = read(page(made(("softmax", "Softmax")))).text
    assert "crosses no fold of the network: it is affine all along, its final activation left out." in text
    assert "Each mark" not in text


def test_a_page_is_the_same_each_time(demo):
    assert page(demo) == page(demo)


def test_names_are_escaped_everywhere(made):
    inspection = made((NASTY, "Relu"), (NASTY + "2", "Tanh"), classes=3)
    inspection = replace(inspection, model=NASTY, unseen=(NASTY,), gradient_of=NASTY)
    for text in (page(inspection), fragment(inspection)):
        seen = read(text)
        assert seen.faults == []
        assert seen.named("script") == []
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
        assert NASTY in seen.text
        assert "<script" not in text


def test_a_name_that_looks_like_style_stays_text(made):
    name = 'style="fill: #1c2024"'
    assert name in read(page(made((name, "Relu")))).text


def test_colours_follow_light_and_dark(demo):
    text = page(demo)
    svg = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "var(--ink)" in svg
    assert "#1c2024" not in svg
    used = set(re.findall(r"var\(--([a-z-]+)\)", text))
    for theme in (text.split("@media")[0], *text.split("@media")[1:2]):
        assert used - {"sans"} <= set(re.findall(r"--([a-z-]+):", theme))


def test_a_softmax_only(made):
    seen = read(page(made(("softmax", "Softmax"))))
    assert seen.faults == []
    assert "softmax softmax 6 – – – 0%" in seen.text


def test_no_findings_no_gradients_no_accuracy_no_folds(made):
    inspection = made(("tanh", "Tanh"))
    inspection = replace(
        inspection,
        findings=(),
        calls=tuple(replace(call, gradient=None, verdict="healthy") for call in inspection.calls),
        gradient_of="the network has an operator without a gradient",
        recording=replace(inspection.recording, has_gradient=False),
        folds=Folds(reason="there are no classes"),
    )
    seen = read(page(inspection))
    assert seen.faults == []
    for words in (
        "Healthy on these 80 samples: the one call of an activation is without a fault.",
        "None: no figure is at its threshold.",
        "There are no gradients: the network has an operator without a gradient.",
        "Not counted: there are no classes.",
    ):
        assert words in seen.text
    assert "Accuracy" not in seen.text


def test_no_activation_at_all(made):
    inspection = made(("a", "Identity"), ("b", "Identity"))
    seen = read(page(inspection))
    assert inspection.calls == ()
    assert seen.faults == []
    assert "This network has no activation" in seen.text
    assert inspection.collapses[0].layers[0] in seen.text


def test_what_was_not_measured_is_said(demo):
    text = read(page(replace(demo, unseen=("LSTM lstm1", "GRU gru2")))).text
    assert "Not measured, and not judged: the activations inside LSTM lstm1, GRU gru2." in text


def test_values_that_are_not_finite(made):
    inspection = made(("tanh", "Tanh"))
    call = replace(
        inspection.calls[0], nonfinite=480, mean=float("nan"), std=float("inf"), gradient=float("nan")
    )
    seen = read(page(replace(inspection, calls=(call,))))
    assert seen.faults == []
    assert "NaN ± ∞ NaN" in seen.text


def many(demo: Inspection, count: int) -> Inspection:
    calls = [replace(demo.calls[0], name=f"relu{i}", dead_units=(), dead=0) for i in range(count)]
    recorded = [replace(demo.recording.calls[0]) for _ in range(count)]
    worst = replace(demo.findings[0], call="relu140", severity="error")
    recording = replace(demo.recording, calls=tuple(recorded))
    return replace(demo, calls=tuple(calls), findings=(worst,), recording=recording)


def test_of_very_many_calls_the_worst_have_pictures_and_the_page_says_so(demo):
    text = page(many(demo, 150))
    seen = read(text)
    assert seen.faults == []
    assert len(text) < 1_500_000
    assert "24 of the 150 calls have pictures" in seen.text
    assert "show 60 of 150 calls" in seen.text
    assert len([found for found in seen.named("details") if found.get("class") != "causes"]) == 150
    labels = [svg["aria-label"] or "" for svg in seen.named("svg")]
    assert sum(label.endswith(" relu140") for label in labels) == 2


def test_the_demonstrations_page_is_small(demo):
    assert len(page(demo).encode()) < 500_000


def test_it_is_written_and_replaces_an_old_one(demo, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write_html(demo, str(path)) == path
    assert path.read_text(encoding="utf-8") == page(demo)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("where", ["draw", "write", "replace"])
def test_an_interrupt_leaves_the_old_report_and_nothing_else(demo, tmp_path, monkeypatch, where):
    path = tmp_path / "report.html"
    path.write_text("old")

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    if where == "draw":
        monkeypatch.setattr(html, "page", interrupt)
    elif where == "replace":
        monkeypatch.setattr("pathlib.Path.replace", interrupt)
    else:
        monkeypatch.setattr("pathlib.Path.chmod", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_html(demo, path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_a_missing_folder_is_named(demo, tmp_path):
    with pytest.raises(
        MissingInputError, match=r"expected a folder to write into, but there is no .*nowhere"
    ):
        write_html(demo, tmp_path / "nowhere" / "report.html")
    with pytest.raises(InvalidInputError, match="got the folder"):
        write_html(demo, tmp_path)


def test_the_inspection_draws_itself(demo, tmp_path):
    assert demo.to_html(tmp_path / "report.html").read_text(encoding="utf-8") == page(demo)
    assert demo._repr_html_() == fragment(demo)


def test_the_fragment_has_verdict_table_and_findings(demo):
    text = fragment(demo)
    seen = read(text)
    assert seen.faults == []
    assert len(text) < 10_000
    assert "45 of 168 units in 4 calls are dead." in seen.text
    assert "relu1 relu 64 31 (48%)" in seen.text
    assert all(finding.message in seen.text for finding in demo.findings)
