import inspect
import subprocess
import sys

import pytest

import bunri
from builders import make_dataset, make_predictions


@pytest.mark.parametrize("name", bunri.__all__)
def test_every_public_name_is_there_and_can_be_called(name: str) -> None:
    assert callable(getattr(bunri, name))
    assert name in dir(bunri)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fusee'"):
        bunri.fusee  # noqa: B018


def test_verbs_can_be_called_after_modules_of_the_same_name_are_imported() -> None:
    code = """
import bunri.fuse.methods, bunri.evaluate, bunri.search, bunri
from bunri import evaluate, fuse
from bunri.fuse.methods import fuse as function
import bunri.fuse.methods as methods
assert methods.fuse is function is bunri.fuse.fuse
for verb in (bunri.fuse, bunri.evaluate, bunri.search, fuse, evaluate):
    assert callable(verb), verb
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fuse_and_evaluate_from_the_top() -> None:
    dataset, predictions = make_dataset(), make_predictions()
    fused = bunri.fuse([predictions, predictions], method="nms", iou=0.5)
    assert len(fused) == 1
    assert bunri.evaluate(fused, dataset).mAP50 == pytest.approx(1.0)


def test_modules_of_verbs_are_still_modules() -> None:
    assert inspect.ismodule(sys.modules["bunri.fuse"])
    assert bunri.fuse.__doc__ == sys.modules["bunri.fuse"].__doc__
