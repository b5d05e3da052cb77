import json

import pytest

from builders import make_dataset, make_predictions
from bunri.report.ensemble_facts import EnsembleMember, SearchStep
from bunri.report.facts import Curve, Row
from bunri.report.figures import (
    COLOURS,
    MAX_POINTS,
    curve_figures,
    gains_figure,
    leaderboard_figure,
    precision_figures,
    search_figure,
    styles_of,
    thinned,
)
from bunri.report.intervals import Interval
from bunri.report.members import member_facts

ROWS = (
    Row("fcos", "one", Interval(0.5, 0.4, 0.7), 0.3, Interval(0.45), 2.0),
    Row("ensemble", None, Interval(0.6), 0.4, Interval(None), None, is_ensemble=True),
)


def curve(model: str, fold: int, name: str, points: int = 3) -> Curve:
    steps = tuple(float(step) for step in range(points))
    return Curve(model, f"{model}/fold{fold}", name, steps, tuple(step / 7 for step in steps))


def test_leaderboard_has_intervals_where_known_and_the_ensemble_bold() -> None:
    first, second = leaderboard_figure(ROWS)["rows"]
    assert first == {"name": "fcos", "value": 0.5, "low": 0.4, "high": 0.7, "test": 0.45, "bold": False}
    assert (second["low"], second["test"], second["bold"]) == (None, None, True)


def test_a_member_looks_the_same_everywhere_and_the_ninth_has_dashes() -> None:
    names = [f"m{k}" for k in range(COLOURS + 1)]
    styles = styles_of([*names, "ensemble", "m0"], ["ensemble"])
    assert [styles[name]["colour"] for name in names] == [*range(COLOURS), 0]
    assert (styles["m0"]["dash"], styles["m8"]["dash"]) == (0, 1)
    assert [name for name, style in styles.items() if style["bold"]] == ["ensemble"]


def test_curves_share_a_colour_by_model_and_differ_in_dashes_by_run() -> None:
    curves = [curve("fcos", 0, "train/loss"), curve("fcos", 1, "train/loss"), curve("ssd", 0, "train/loss")]
    [(name, figure)] = curve_figures(curves, styles_of(["fcos", "ssd"])).items()
    first, second, third = figure["series"]
    assert (name, figure["peaks"]) == ("train/loss", True)
    assert first["colour"] == second["colour"] != third["colour"]
    assert (first["dash"], second["dash"], third["dash"]) == (0, 1, 0)
    assert [line["label"] for line in figure["series"]] == ["fcos/fold0", "fcos/fold1", "ssd/fold0"]


def test_curves_of_unknown_scalars_get_no_figure() -> None:
    assert curve_figures([curve("fcos", 0, "native/whatever")], {}) == {}


@pytest.mark.parametrize("points", [1, MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS])
def test_thinned_curves_keep_their_end(points: int) -> None:
    steps, values = thinned(curve("fcos", 0, "train/loss", points))
    assert len(steps) == len(values) <= MAX_POINTS
    assert steps[-1] == points - 1


def test_a_loss_that_was_no_number_leaves_a_gap() -> None:
    assert thinned(Curve("fcos", "fcos/fold0", "train/loss", (1, 2), (None, 0.5)))[1] == [None, 0.5]


def test_precision_falls_to_nothing_where_no_box_reaches_further() -> None:
    box, dataset = (0.0, 0.0, 20.0, 20.0), make_dataset([(1, 0, (0, 0, 20, 20)), (2, 0, (0, 0, 20, 20))])
    member = member_facts(make_predictions([(1, 0, 0.9, box)], seen=[1, 2], name="fcos"), dataset, False)
    [(name, figure)] = precision_figures([member], styles_of(["fcos"])).items()
    [line] = figure["series"]
    assert name == "Paper"
    assert (line["x"], line["y"]) == ([0.0, 0.5, 0.5], [1.0, 1.0, 0.0])


def test_gains_are_drawn_where_they_are_known() -> None:
    assert gains_figure([EnsembleMember("fcos", 1, 0)]) is None
    figure = gains_figure(
        [EnsembleMember("fcos", 1, 0, Interval(0.1, 0.0, 0.2), "better"), EnsembleMember("ssd", 1, 0)]
    )
    assert figure is not None
    assert [row["name"] for row in figure["rows"]] == ["fcos"]


def test_search_draws_families_that_searched() -> None:
    fitted = SearchStep("learned", "fit", "learned: fcos", 0.95, 1)  # in sample, and no way that led to it
    way = [SearchStep("fused", "single", "fcos", 0.5, 1), SearchStep("fused", "add", "fcos + ssd", 0.6, 8)]
    figure = search_figure([fitted, *way])
    assert figure is not None
    [line] = figure["series"]
    assert (line["name"], line["x"], line["y"]) == ("fused", [1, 8], [0.5, 0.6])
    assert search_figure([fitted]) is None


def test_figures_are_plain_json() -> None:
    figure = leaderboard_figure(ROWS)
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
