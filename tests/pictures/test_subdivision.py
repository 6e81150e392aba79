"""The pictures of a plane, through their artists."""

import numpy as np
import pytest

from nonlin import demonstration, geometry, pictures, read
from nonlin.errors import InvalidInputError


@pytest.fixture(scope="module")
def made():
    with np.load(demonstration.data_path()) as data:
        points = data["images"][:3].astype(np.float64)
    return geometry.subdivide(
        geometry.plane(read(demonstration.model_path()), *points, window=(0.2, 0.7, 0.2, 0.7))
    )


def artists(figure):
    axes = figure.axes[0]
    return {artist.get_gid(): artist for artist in (*axes.lines, *axes.collections) if artist.get_gid()}


def test_every_fold_is_drawn_in_the_colour_of_its_call(made):
    drawn = artists(pictures.crease_pattern(made))
    colours = set()
    for i in range(4):
        ends = drawn[f"call{i}"].get_xydata().reshape(-1, 3, 2)
        assert np.array_equal(ends[:, :2], made.folds.segments[made.folds.call == i])
        assert np.isnan(ends[:, 2]).all()
        colours.add(drawn[f"call{i}"].get_color())
    assert len(colours) == 4


def test_the_legend_counts_the_folds(made):
    legend = pictures.crease_pattern(made).axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    counts = [int((made.folds.call == i).sum()) for i in range(4)]
    assert texts == [*(f"relu{i + 1}  {n:,}" for i, n in enumerate(counts)), "decision"]


def test_the_boundary_lies_over_everything(made):
    for figure in (pictures.crease_pattern(made), pictures.regions(made)):
        drawn = [line for line in figure.axes[0].lines if str(line.get_gid()).startswith("between")]
        assert len(drawn) == len(made.boundary) > 0
        assert all(
            np.array_equal(line.get_xydata(), curve.points)
            for line, curve in zip(drawn, made.boundary, strict=True)
        )


@pytest.mark.parametrize("colour", ["map", "output", "active"])
def test_every_region_is_a_polygon(made, colour):
    polygons = artists(pictures.regions(made, colour=colour, output=3))["regions"]
    assert len(polygons.get_paths()) == len(made.cells)
    for path, cell in zip(polygons.get_paths(), made.cells, strict=True):
        assert np.array_equal(path.vertices[:-1], cell.vertices)


def test_one_map_has_one_colour_and_another_another(made):
    colours = artists(pictures.regions(made, output=3))["regions"].get_facecolors()
    angles = np.array([np.arctan2(*cell.weight[3, ::-1]) for cell in made.cells])
    order = np.argsort(angles)
    low, high = colours[order[0]], colours[order[-1]]
    assert not np.array_equal(low, high)
    again = artists(pictures.regions(made, output=3))["regions"].get_facecolors()
    assert np.array_equal(colours, again)


def test_marks_inside_the_window_are_named(made):
    marks = {"sample 0": (0.0, 0.0), "middle": (0.5, 0.5)}
    assert [t.get_text() for t in pictures.regions(made, marks=marks).axes[0].texts] == ["middle"]


def test_the_surface_goes_through_the_values(made):
    facets = artists(pictures.surface(made, output=2))["surface"]
    assert len(facets.get_facecolors()) == len(made.cells)
    low, high = made.found.output_range(2)
    axes = pictures.surface(made, output=2).axes[0]
    assert axes.get_zlim() == pytest.approx((low, high))


def test_pictures_of_what_is_not_there_are_refused(made):
    with pytest.raises(InvalidInputError, match="output from 0 to 9, got 10"):
        pictures.surface(made, output=10)
    with pytest.raises(InvalidInputError, match="map, output, active, got 'red'"):
        pictures.regions(made, colour="red")
