"""Small pictures of one function, through their artists."""

import numpy as np

import nonlin
from nonlin import pictures
from nonlin.functions.curve import sample, sample_vector


def test_a_card_shows_the_value_and_the_slope():
    f = nonlin.function("leaky_relu")
    (axes,) = pictures.function(sample(f)).axes
    drawn = {line.get_label(): line for line in axes.lines}
    x, y = drawn["f"].get_data()
    np.testing.assert_allclose(y, f(x))
    x, y = drawn["slope f′"].get_data()
    rest = ~np.isnan(y)
    np.testing.assert_allclose(y[rest], f.slope(x[rest]))
    assert drawn["f"].get_color() != drawn["slope f′"].get_color()
    assert drawn["f"].get_linestyle() != drawn["slope f′"].get_linestyle()
    (dots,) = (line for line in axes.lines if line.get_gid() == "kinks")
    assert dots.get_xdata() == [0.0]


def test_the_outputs_of_a_vector_function():
    f = nonlin.function("softmax")
    curves = sample_vector(f, (0.0, 1.0))
    (axes,) = pictures.outputs(curves).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "element 1",
        "element 2",
        "element 3",
    ]
    total = sum(curve.value for curve in curves)
    np.testing.assert_allclose(total, 1.0)
    i = int(np.searchsorted(curves[0].x, 2.0))
    np.testing.assert_allclose(curves[2].value[i], f(np.array([0.0, 1.0, curves[0].x[i]]))[2])
