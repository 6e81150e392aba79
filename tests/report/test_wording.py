"""Figures and verdicts in words."""

from dataclasses import replace

import pytest

from nonlin.report.wording import count_of, headline, share
from nonlin.results import number


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0704, "−0.0704"),
        (999.6, "1,000"),
        (1234.5, "1,234"),
        (-5e-8, "−5 × 10⁻⁸"),
        (2.5e12, "2.5 × 10¹²"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1e-6, "0.0001%"),
        (0.5, "50%"),
        (0.902, "90%"),
        (0.994, "99.4%"),
        (0.99999, "99.999%"),
        (0.00999, "1%"),
        (2.0, "200%"),
    ],
)
def test_shares(x, text):
    assert share(x) == text


def test_a_share_is_never_rounded_to_all_or_nothing():
    for x in (1e-9, 1e-5, 0.001, 0.9951, 0.9999, 1 - 1e-9):
        assert share(x) not in ("0%", "100%")


def test_counts():
    assert [count_of(None, 5), count_of(0, 5), count_of(5, 5), count_of(1200, 4800)] == [
        "–",
        "0",
        "5 (100%)",
        "1,200 (25%)",
    ]


def finding(demo, **changes):
    return replace(demo.findings[0], **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "dead", "units": (1, 2)}, "2 of 64 units in relu1 are dead"),
        ({"kind": "saturated", "units": (1,)}, "1 of 64 units in relu1 is saturated"),
        ({"kind": "linear"}, "1 call acts linearly"),
        (
            {"kind": "collapse"},
            "one run of affine layers has no non-linearity between and could be one layer",
        ),
        ({"kind": "vanishing"}, "the gradient has vanished at relu1"),
        ({"kind": "exploding"}, "relu1 explodes"),
        ({"kind": "nonfinite", "call": "the output"}, "the output has NaN or infinite values"),
    ],
)
def test_each_fault_in_the_headline(demo, changes, words):
    inspection = replace(demo, findings=(finding(demo, **changes),))
    assert headline(inspection) == f"Not healthy on these 540 samples: {words}."


def test_several_faults_are_one_sentence(demo):
    both = (
        finding(demo, kind="nonfinite"),
        finding(demo, kind="linear"),
        finding(demo, kind="linear", call="relu2"),
    )
    words = "relu1 has NaN or infinite values; 2 calls act linearly"
    assert headline(replace(demo, findings=both)) == f"Not healthy on these 540 samples: {words}."


def test_notes_do_not_make_it_unhealthy(demo):
    noted = replace(demo, findings=(finding(demo, severity="note"),))
    expected = "Healthy on these 540 samples: its 4 calls of activations are without a fault; 1 note below."
    assert headline(noted) == expected
