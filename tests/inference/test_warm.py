"""A warm model: loaded in the background, asked by many, loaded again when it dies."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from builders import make_predictions
from bunri.errors import EngineError
from bunri.fuse import FuseOptions
from bunri.inference.models import TrainedModel
from bunri.inference.warm import WarmModel
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder
from bunri.search.recipe import recipe_of

PHOTO = np.zeros((80, 100, 3), np.uint8)


class PretendedSession:
    """Finds one box; dies when it is told to."""

    def __init__(self, run: RunFolder) -> None:
        self.alive, self.closed, self.at_once, self.most = True, False, 0, 0
        self.left = 10.0 if run.path.name == "a" else 12.0
        self.seen = list[Photo]()

    def find(self, photos: Sequence[Photo]) -> Predictions:
        if not self.alive:
            raise EngineError("the worker is gone")
        self.seen += photos
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        time.sleep(0.01)
        self.at_once -= 1
        return make_predictions([(0, 0, 0.9, (self.left, 10.0, 50.0, 50.0))], seen=[0])

    def close(self) -> None:
        self.closed = True


def model_of(*names: str) -> TrainedModel:
    members = {name: (RunFolder(Path(name)),) for name in names}
    recipe = recipe_of(FuseOptions(method="wbf"), names) if len(names) > 1 else None
    return TrainedModel("ensemble" if recipe else names[0], members, recipe)


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_all_members_are_loaded_and_asked() -> None:
    opened = list[PretendedSession]()

    def open_run(run: RunFolder) -> PretendedSession:
        opened.append(PretendedSession(run))
        return opened[-1]

    warm = WarmModel(model_of("a", "b"), print, open_run)
    wait_until(lambda: warm.state == "ready")
    found = warm.find([PHOTO])
    assert len(opened) == 2
    assert found.box_xyxy.tolist() == [[11.0, 10.0, 50.0, 50.0]]  # WBF of 10 and 12 with equal scores
    warm.close()
    assert all(session.closed for session in opened)
    with pytest.raises(EngineError, match="closed"):
        warm.find([PHOTO])


def test_it_is_loading_until_it_is_loaded_and_a_request_waits_for_it() -> None:
    gate = threading.Event()

    def open_run(run: RunFolder) -> PretendedSession:
        gate.wait(10)
        return PretendedSession(run)

    warm = WarmModel(model_of("a"), print, open_run)
    assert str(warm.state) == "loading"
    answers = list[Predictions]()
    asking = threading.Thread(target=lambda: answers.append(warm.find([PHOTO])))
    asking.start()
    gate.set()
    asking.join()
    assert len(answers[0]) == 1
    assert warm.state == "ready"
    warm.close()


def test_a_member_that_dies_is_told_and_loaded_again() -> None:
    opened, said = list[PretendedSession](), list[str]()

    def open_run(run: RunFolder) -> PretendedSession:
        opened.append(PretendedSession(run))
        return opened[-1]

    warm = WarmModel(model_of("a"), said.append, open_run)
    wait_until(lambda: warm.state == "ready")
    find = opened[0].find

    def die(photos: Sequence[Photo]) -> Predictions:
        opened[0].alive = False
        return find(photos)

    opened[0].find = die  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="is gone"):
        warm.find([PHOTO])
    wait_until(lambda: warm.state == "ready")
    assert said == ["the model of a died; it is loaded again"]
    assert len(warm.find([PHOTO])) == 1
    assert (len(opened), opened[0].closed) == (2, True)
    warm.close()


def test_one_that_cannot_be_loaded_says_why_and_is_tried_again() -> None:
    broken = [True]

    def open_run(run: RunFolder) -> PretendedSession:
        if broken[0]:
            raise EngineError("no checkpoint")
        return PretendedSession(run)

    said = list[str]()
    warm = WarmModel(model_of("a"), said.append, open_run)
    wait_until(lambda: warm.state == "failed" and bool(said))
    assert (warm.failure, said) == ("no checkpoint", ["the model cannot be loaded: no checkpoint"])
    with pytest.raises(EngineError, match="no checkpoint"):
        warm.find([PHOTO])
    broken[0] = False
    assert len(warm.find([PHOTO])) == 1
    assert (warm.state, warm.failure) == ("ready", "")
    warm.close()


def test_a_session_is_ready_when_it_has_looked_at_a_photo() -> None:
    opened = list[PretendedSession]()

    def open_run(run: RunFolder) -> PretendedSession:
        opened.append(PretendedSession(run))
        opened[-1].alive = len(opened) > 1  # the first one fails at its first photo
        return opened[-1]

    said = list[str]()
    warm = WarmModel(model_of("a"), said.append, open_run)
    wait_until(lambda: warm.state == "failed" and bool(said))
    assert said == ["the model cannot be loaded: the worker is gone"]
    warm.find([PHOTO])
    assert (warm.state, [session.closed for session in opened]) == ("ready", [True, False])
    assert [photo.shape for photo in opened[1].seen] == [(480, 640, 3), PHOTO.shape]
    warm.close()


def test_requests_come_one_after_the_other() -> None:
    opened = list[PretendedSession]()

    def open_run(run: RunFolder) -> PretendedSession:
        opened.append(PretendedSession(run))
        return opened[-1]

    warm = WarmModel(model_of("a"), print, open_run)
    askers = [threading.Thread(target=warm.find, args=([PHOTO],)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [session.most for session in opened] == [1]
    warm.close()
