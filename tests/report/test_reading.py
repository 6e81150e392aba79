"""The reader of pages can reject."""

import pytest
from reading import read


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<p><b>x</p></b>", "</p> closes nothing"),
        ("<div><p>x</p>", "<div> is never closed"),
        ("<p id=a></p><p id=a></p>", "id a twice"),
        ("<p title=a title=b></p>", "<p> has an attribute twice"),
        ('<svg><use xlink:href="#m"/></svg>', "#m refers to nothing"),
    ],
)
def test_a_fault_is_named(html, fault):
    assert fault in read(html).faults


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://example.org/a.png">',
        "<style>@import 'a.css';</style>",
        "<style>p { background: url(//example.org/a.png) }</style>",
        "<p style=\"background: url('http://example.org')\"></p>",
        '<svg><image xlink:href="a.png"/></svg>',
    ],
)
def test_a_reference_outside_is_found(html):
    assert read(html).external()


def test_a_good_page_has_no_fault():
    page = read('<!doctype html><p>a &lt; b<br><svg><path id="m"/><use xlink:href="#m"/></svg></p>')
    assert (page.faults, page.external(), page.text) == ([], [], "a < b")
