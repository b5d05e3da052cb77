from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bunri.engines.ultralytics.plan import Pace, Plan, step_ends


def pace(**changes: Any) -> Pace:
    values: dict[str, Any] = {"epoch": 4.0, "epochs": 3.0, "steps": None, "accumulate": 1, "warmup_epochs": 0.0}
    return Pace(**{**values, "validate_every": 1.0, **changes})


def places(flags: Any) -> list[int]:
    return [int(place) for place in np.flatnonzero(flags)]


def test_every_batch_is_a_step_and_every_epoch_is_judged() -> None:
    plan = Plan.of(pace())
    assert (plan.batches, plan.steps, plan.rounds) == (12, 12, 3)
    assert places(plan.judged) == [3, 7, 11]


def test_steps_gather_batches_across_epochs() -> None:
    plan = Plan.of(pace(epoch=3.0, epochs=4.0, accumulate=2))
    assert places(plan.ends_step) == [1, 3, 5, 7, 9, 11]
    assert plan.round == 3
    assert plan.rounds == 4


def test_fractions_of_an_epoch_are_judged_at_whole_steps() -> None:
    # an epoch of 10 batches is 5 steps; every 0.5 epochs is round(2.5) = 2 steps, so after steps 2, 4, ... and the last
    plan = Plan.of(pace(epoch=10.0, epochs=1.0, accumulate=2, validate_every=0.5))
    assert places(plan.judged) == [3, 7, 9]


def test_a_fractional_epoch_has_a_round_that_holds_it() -> None:
    # 4.5 batches, 2 epochs: 9 batches, in rounds of 5 as Ultralytics counts them
    plan = Plan.of(pace(epoch=4.5, epochs=2.0))
    assert (plan.round, plan.batches, plan.rounds) == (5, 9, 2)
    assert places(plan.judged) == [3, 7, 8]


def test_iterations_are_counted_exactly_also_while_steps_grow() -> None:
    plan = Plan.of(pace(epoch=4.0, steps=5, accumulate=4, warmup_epochs=2.0, rising=True))
    assert plan.steps == 5
    assert plan.ends_step[-1]
    assert plan.batches < 20  # five steps of four batches without the warm-up


def test_the_warm_up_leaves_the_last_epoch_alone() -> None:
    assert Plan.of(pace(epochs=3.0, warmup_epochs=9.0)).warmup == 8
    assert Plan.of(pace(epochs=1.0, warmup_epochs=9.0)).warmup == 0


def test_steps_grow_as_the_warm_up_rises() -> None:
    # wanted at batches 0..4 of a warm-up of 4: round(1, 1.75, 2.5, 3.25, 4) = 1, 2, 2, 3, 4; numpy rounds 2.5 to 2
    # 0 ends a step (1 batch); 2 (2 batches); 4 wants 4 and has 2; 6 has 4
    assert places(step_ends(11, 4, 4)) == [0, 2, 6, 10]


def test_what_is_left_of_a_round_begins_anew_with_the_next() -> None:
    plan = Plan.of(pace(epoch=4.0))
    assert [plan.left_of_round(batch) for batch in (0, 1, 3, 4, 6)] == [4, 3, 1, 4, 2]


@given(
    epoch=st.floats(0.2, 30.0),
    epochs=st.floats(0.1, 5.0),
    accumulate=st.integers(1, 8),
    warmup=st.floats(0, 3),
    every=st.floats(0.1, 3.0),
    rising=st.booleans(),
)
def test_a_plan_ends_in_a_judged_step(
    epoch: float, epochs: float, accumulate: int, warmup: float, every: float, rising: bool
) -> None:
    plan = Plan.of(Pace(epoch, epochs, None, accumulate, warmup, every, rising))
    assert plan.ends_step[-1]
    assert plan.judged[-1]
    assert not (plan.judged & ~plan.ends_step).any()
    assert plan.rounds * plan.round >= plan.batches
    if not rising:
        assert plan.steps == max(round(epochs * epoch / accumulate), 1)
