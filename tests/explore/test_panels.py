"""Every panel in a real browser: drag, slide, type, keys, wrong input, and the numbers beside Python's."""

import numpy as np
import pytest
from scipy.special import ndtr

import nonlin
from nonlin.functions.curve import sample

EXACT = 1e-12


def near(found, wanted):
    return found == pytest.approx(wanted, rel=EXACT, abs=1e-15)


# One function


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "silu", "selu", "hardshrink", "softsign", "snake"])
def test_a_function_and_what_it_makes_of_its_input(opened, name):
    opened.go(f"#function?f={name}&at=-0.7&sd=1.3")
    f = nonlin.function(name)
    assert near(opened.fact("value"), f(-0.7))
    assert near(opened.fact("slope"), f.slope(-0.7))
    assert near(opened.fact("curvature"), f.curvature(-0.7))
    moments = f.moments(1.3**2)
    assert near(opened.fact("mean"), moments.mean)
    assert near(opened.fact("second"), moments.second)
    assert near(opened.fact("gain"), moments.gain)
    assert near(opened.fact("slope_second"), moments.slope_second)
    assert near(opened.fact("off"), share_off(f, 1.3))


def share_off(f, deviation, threshold=1e-2):
    """The share of a normal input where the slope is small, from its crossings on a fine grid, refined."""
    from scipy.optimize import brentq

    def gap(x):
        return np.abs(f.slope(x)) - threshold * f.largest_slope

    cuts = [p for kink in f.kinks for p in (np.nextafter(kink, -np.inf), np.nextafter(kink, np.inf))]
    grid = np.unique(np.concatenate([np.linspace(-8, 8, 3201) * deviation, cuts]))
    small = gap(grid) < 0
    edges = [
        brentq(gap, grid[i], grid[i + 1], xtol=1e-15, rtol=1e-15)
        for i in np.flatnonzero(small[:-1] != small[1:])
    ]
    ends = np.array([-np.inf, *edges, np.inf])
    middles = np.clip((np.maximum(ends[:-1], -99) + np.minimum(ends[1:], 99)) / 2, -99, 99)
    off = gap(middles) < 0
    shares = np.where(
        ends[:-1] > 0,
        ndtr(-ends[:-1] / deviation) - ndtr(-ends[1:] / deviation),
        np.diff(ndtr(ends / deviation)),
    )
    return float(shares[off].sum())


def test_a_drag_along_the_curve_a_slider_and_a_key(opened):
    opened.go("#function?f=tanh&at=0")
    opened.drag("at", 80, 0)
    x = opened.state()["at"]
    assert x > 0.5
    assert near(opened.fact("value"), np.tanh(x))
    opened.press("at", "ArrowLeft", "Shift+ArrowLeft")
    assert opened.state()["at"] < x
    opened.tab.locator("[data-key='mean']").fill("1.5")
    opened.frame()
    assert opened.state()["mean"] == 1.5
    before = opened.fact("mean")
    opened.drag("mean", -100, 0)
    assert opened.fact("mean") < before


def test_a_parameter_changes_the_function(opened):
    opened.go("#function?f=leaky_relu&at=-2")
    opened.type("[data-number='p-negative_slope']", "0.3")
    assert near(opened.fact("value"), -0.6)
    assert "usual parameters" in opened.text("main")


def test_properties_are_python_s(opened):
    opened.go("#function?f=gelu")
    low = nonlin.function("gelu").properties.range.value[0]
    assert opened.text("[data-property='range']").startswith(f"[{low:.4g}".replace("-", "−"))


def test_a_curve_is_sampled_as_python_does(opened):
    """The picture shows the function and not something near it: the path's ends in data coordinates."""
    opened.go("#function?f=relu&at=0&slope=0")
    d = opened.tab.get_attribute(".chart svg .line", "d")
    x, y = (float(v) for v in d[1 : d.index("L")].split(","))
    frame = opened.tab.locator(".chart .frame").first
    assert x == pytest.approx(float(frame.get_attribute("x")), abs=0.01)
    assert y > float(frame.get_attribute("y"))
    assert sample(nonlin.function("relu")).value[0] == 0


# Linear or not


def test_both_laws(opened):
    opened.go("#linear?f=gelu&a=1.5&b=-2.25&c=-0.5")
    f = nonlin.function("gelu")
    assert near(opened.fact("additivity-left"), f(1.5 - 2.25))
    assert near(opened.fact("additivity-right"), f(1.5) + f(-2.25))
    assert near(opened.fact("homogeneity-left"), f(-0.5 * 1.5))
    assert near(opened.fact("homogeneity-right"), -0.5 * f(1.5))
    assert "nonlinear (proved)" in opened.text("[data-fact='verdict']")
    left = opened.fact("additivity-left")
    opened.drag("a", 60, 0)
    assert opened.fact("additivity-left") != left


def test_the_identity_keeps_the_laws_and_a_stack_collapses(opened):
    opened.go("#linear?f=identity&w=2,-1,0.5&s=1,2,3")
    assert opened.tab.locator("td.yes").count() == 2
    assert near(opened.fact("slope"), -1.0)
    assert near(opened.fact("shift"), (1 * -1 + 2) * 0.5 + 3)
    opened.go("#linear?f=tanh&w=2,-1,0.5&s=1,2,3")
    opened.tab.check("[data-key='between']")
    opened.frame()
    assert near(opened.fact("bent"), np.tanh(np.tanh(3) * -1 + 2) * 0.5 + 3)


# Vanishing


@pytest.mark.parametrize(
    ("name", "init", "sigma"), [("tanh", "xavier", 1.0), ("relu", "he", 2.0), ("gelu", "own", 1.5)]
)
def test_the_predicted_gradient(opened, name, init, sigma):
    opened.go(f"#vanishing?f={name}&init={init}&depth=12&sw=1.5&sb=0.25")
    f, q, chis = nonlin.function(name), sigma + 0.25, []
    for _ in range(12):
        last, m = q, f.moments(q, weight_variance=sigma, bias_variance=0.25)
        chis.append(m.chi1)
        q = m.length
    assert near(opened.fact("q"), last)
    assert near(opened.fact("chi"), chis[-1])
    assert near(opened.fact("change"), np.log10(np.prod(chis[:-1])) / 2)


def test_a_variance_beyond_all_numbers_is_said(opened):
    opened.go("#vanishing?f=relu2&init=own&sw=6&depth=60")
    assert "leaves the range of float64" in opened.text("main .notice")
    assert opened.tab.locator("[data-fact='change']").count() == 0


def test_a_wide_random_network_does_as_predicted(opened):
    opened.go("#vanishing?f=tanh&init=own&sw=1&depth=30&width=128")
    assert abs(opened.fact("tried") - opened.fact("change")) < 0.4
    opened.type("[data-number='depth']", "5")
    assert opened.state()["depth"] == 5
    opened.type("[data-number='depth']", "5.5")
    assert opened.state()["depth"] == 5
    assert opened.tab.get_attribute("[data-number='depth']", "aria-invalid") is not None
    first = opened.fact("tried")
    opened.tab.click("[data-key='again']")
    opened.frame()
    assert opened.fact("tried") != first


# Build any function


def test_a_drawn_curve_is_fitted(opened, tmp_path):
    opened.go("#fit?n=6")
    box = opened.tab.locator(".chart svg").bounding_box()
    opened.tab.mouse.move(box["x"] + 120, box["y"] + 300)
    opened.tab.mouse.down()
    for i in range(12):
        opened.tab.mouse.move(box["x"] + 120 + 40 * i, box["y"] + 200 + 90 * np.sin(i))
    opened.tab.mouse.up()
    opened.frame()
    assert len(opened.state()["y"]) == 97
    found = opened.exported(tmp_path)
    (out,) = nonlin.networks.evaluate(found.network, {"x": found.points[:, :1]})
    assert opened.fact("error") == pytest.approx(np.abs(out[:, 0] - found.points[:, 1]).max(), rel=1e-12)


def test_more_pieces_err_less_and_no_less_than_the_best_network(opened):
    errors = [opened.go(f"#fit?n={n}&shape=bump").fact("error") for n in (2, 4, 8, 16)]
    assert errors == sorted(errors, reverse=True)
    best = nonlin.approximate("2.6 * exp(-2 * x * x) - 0.6", (-3, 3), pieces=8).least_error
    assert best * 0.99 < errors[2] < 6 * best


def test_the_curve_by_keyboard(opened):
    opened.go("#fit?n=5")
    opened.press("cursor", "ArrowRight", "ArrowUp", "ArrowUp")
    assert opened.state()["at"] == pytest.approx(0.0625, abs=1e-3)
    assert len(opened.state()["y"]) == 97


def test_keys_that_come_faster_than_frames_all_count(opened):
    opened.go("#fit?n=5")
    opened.tab.evaluate("""() => {
        const handle = document.querySelector("[data-handle='cursor']");
        for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"])
            handle.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }""")
    assert opened.state()["at"] == pytest.approx(3 * 0.0625, abs=1e-3)
