import pytest

from bunri.experiment.schedule import Room, seconds_for_all


def test_one_after_the_other_where_there_is_room_for_one() -> None:
    assert seconds_for_all([(Room(1), 3.0), (Room(1), 4.0)], [Room(1)]) == 7.0


def test_side_by_side_on_two_nodes_or_in_a_large_one() -> None:
    tasks = [(Room(1), 3.0), (Room(1), 4.0), (Room(1), 2.0)]
    assert seconds_for_all(tasks, [Room(1), Room(1)]) == seconds_for_all(tasks, [Room(2)]) == 5.0


def test_gpus_and_memory_are_counted_too() -> None:
    node = Room(8, 1, 10e9)
    assert seconds_for_all([(Room(1, 1), 2.0), (Room(1, 1), 2.0)], [node]) == 4.0
    assert seconds_for_all([(Room(1, 0.5), 2.0), (Room(1, 0.5), 2.0)], [node]) == 2.0
    assert seconds_for_all([(Room(1, 0, 6e9), 2.0), (Room(1, 0, 6e9), 2.0)], [node]) == 4.0


def test_a_small_node_does_not_get_a_large_task() -> None:
    assert seconds_for_all([(Room(4), 5.0), (Room(4), 5.0), (Room(1), 1.0)], [Room(2), Room(4)]) == 10.0


def test_nothing_takes_no_time_and_what_fits_nowhere_is_refused() -> None:
    assert seconds_for_all([], [Room(1)]) == 0.0
    with pytest.raises(ValueError, match="no node holds 2 CPUs"):
        seconds_for_all([(Room(2), 1.0)], [Room(1)])
