import json

import pytest

from bunri.report.facts import Curve, Ensemble, Interval, Row, Sampler, SearchStep, SeenClass
from bunri.report.figures import (
    MAX_POINTS,
    curve_figures,
    leaderboard_figure,
    sampler_figure,
    search_figure,
    thinned,
)

ROWS = (
    Row("fcos", "one", Interval(0.5, 0.4, 0.7), 0.3, Interval(0.45), 2.0),
    Row("ensemble", None, Interval(0.6), 0.4, Interval(None), None, is_ensemble=True),
)


def curve(model: str, fold: int, name: str, points: int = 3) -> Curve:
    steps = tuple(float(step) for step in range(points))
    return Curve(model, f"{model}/fold{fold}", name, steps, tuple(step / 7 for step in steps))


def test_leaderboard_has_the_first_row_on_top_and_intervals_where_known() -> None:
    folds, test = leaderboard_figure(ROWS)["data"]
    assert folds["y"] == ["ensemble", "fcos"]  # Plotly counts upwards
    assert folds["x"] == [0.6, 0.5]
    assert folds["error_x"]["array"] == pytest.approx([0, 0.2])
    assert folds["error_x"]["arrayminus"] == pytest.approx([0, 0.1])
    assert (test["y"], test["x"]) == (["fcos"], [0.45])


def test_leaderboard_without_test_scores() -> None:
    assert len(leaderboard_figure(ROWS[1:])["data"]) == 1


def test_curves_share_a_colour_by_model_and_one_entry_in_the_legend() -> None:
    curves = [curve("fcos", 0, "train/loss"), curve("fcos", 1, "train/loss"), curve("ssd", 0, "train/loss")]
    [(title, figure)] = curve_figures(curves).items()
    first, second, third = figure["data"]
    assert title == "training loss"
    assert first["line"]["color"] == second["line"]["color"] != third["line"]["color"]
    assert first["line"]["dash"] != second["line"]["dash"]
    assert [line["showlegend"] for line in (first, second, third)] == [True, False, True]


def test_curves_of_unknown_scalars_get_no_figure() -> None:
    assert curve_figures([curve("fcos", 0, "native/whatever")]) == {}


@pytest.mark.parametrize("points", [1, MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS])
def test_thinned_curves_keep_their_end(points: int) -> None:
    steps, values = thinned(curve("fcos", 0, "train/loss", points))
    assert len(steps) == len(values) <= MAX_POINTS
    assert steps[-1] == points - 1


def test_a_loss_that_was_no_number_leaves_a_gap() -> None:
    assert thinned(Curve("fcos", "fcos/fold0", "train/loss", (1, 2), (None, 0.5)))[1] == [None, 0.5]


def test_search_and_sampler() -> None:
    fitted = SearchStep("learned", "fit", "learned: fcos", 0.95, 1)  # in sample, and no way that led to it
    way = [SearchStep("fused", "single", "fcos", 0.5, 1), SearchStep("fused", "add", "fcos + ssd", 0.6, 8)]
    [line] = search_figure(Ensemble("", [], [fitted, *way]))["data"]
    assert line["name"] == "fused"
    assert (line["x"], line["y"], line["text"]) == ([1, 8], [0.5, 0.6], ["single: fcos", "add: fcos + ssd"])
    sampler = Sampler(0.1, ("fcos",), [SeenClass("Battery", 3, 9.5)], 1.2, None)
    assert [bars["y"] for bars in sampler_figure(sampler)["data"]] == [[3], [9.5]]


def test_figures_are_plain_json() -> None:
    figure = leaderboard_figure(ROWS)
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
