"""The picture of a broken law, through its artists."""

import pytest

import nonlin
from nonlin import pictures
from nonlin.functions.curve import sample


@pytest.mark.parametrize("law", ["additivity", "homogeneity"])
def test_the_gap_is_that_of_the_example(law):
    example = getattr(nonlin.linearity("gelu"), law)
    (axes,) = pictures.counterexample(example, sample(nonlin.function("gelu"))).axes
    (gap,) = (line for line in axes.lines if line.get_gid() == "gap")
    assert list(gap.get_ydata()) == [example.left, example.right]
    assert example.left != example.right
    assert len(axes.get_legend().get_texts()) == 3
