"""What of the Detectron2 engine needs no Detectron2."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from bunri.engines.detectron2 import limits, loading, zoo
from bunri.engines.detectron2.config import is_lazy
from bunri.engines.detectron2.lazy_checks import nodes, override_mistakes, target_name, tree_mistakes
from bunri.engines.detectron2.limits import lazy_limits
from bunri.engines.detectron2.loading import (
    MappedPhotos,
    OrderedPlaces,
    PlacedPhotos,
    QuietLoader,
    batches_by_shape,
    in_format,
    seeded,
)
from bunri.engines.detectron2.native import (
    Given,
    common_refusals,
    open_floor,
    recipe_in_full,
    schedule_notes,
)
from bunri.engines.detectron2.records import Record
from bunri.engines.detectron2.yacs_files import read_chain, unknown_keys
from bunri.engines.feeding import Place, batches, places
from bunri.errors import ConfigError
from bunri.recipe import Recipe


class Tree(dict[str, Any]):
    """A mapping with yacs's question."""

    def __init__(self, values: Mapping[str, Any], takes_any: bool = False) -> None:
        super().__init__({k: Tree(v) if type(v) is dict else v for k, v in values.items()})
        self._takes_any = takes_any

    def is_new_allowed(self) -> bool:
        return self._takes_any


TREE = Tree({"SOLVER": {"BASE_LR": 0.1, "CLIP": {"ENABLED": False}}, "FREE": Tree({}, takes_any=True)})


@pytest.mark.parametrize(
    ("values", "mistakes"),
    [
        ({"SOLVER": {"BASE_LR": 1, "CLIP": {"ENABLED": True}}, "FREE": {"anything": {"at": "all"}}}, []),
        ({"SOLVR": {}}, ["SOLVR: unknown key; did you mean 'SOLVER'?"]),
        ({"SOLVER": {"CLIP": {"ENABELD": 1}}}, ["SOLVER.CLIP.ENABELD: unknown key; did you mean 'ENABLED'?"]),
        ({"SOLVER": 3}, ["SOLVER: must be a mapping of keys, but it is 3; known are BASE_LR, CLIP"]),
    ],
)
def test_keys_a_tree_does_not_have_are_found_at_any_depth(values: dict[str, Any], mistakes: list[str]) -> None:
    assert list(unknown_keys(values, TREE)) == mistakes


def test_a_chain_has_its_bases_first_beside_the_file_and_in_the_zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zoo" / "Set").mkdir(parents=True)
    monkeypatch.setattr(zoo, "zoo_folder", lambda: tmp_path / "zoo")
    (tmp_path / "zoo" / "Base.yaml").write_text("A: 1\n")
    (tmp_path / "zoo" / "Set" / "model.yaml").write_text("_BASE_: ../Base.yaml\nB: 2\n")
    (tmp_path / "beside.yaml").write_text('C: !!python/object/apply:eval ["[x * 2**0.5 for x in [1, 2]]"]\n')
    (tmp_path / "own.yaml").write_text("_BASE_: [Set/model.yaml, beside.yaml]\nD: !!python/tuple [1, 2]\n")
    chain = read_chain(tmp_path / "own.yaml")
    assert [file.path.name for file in chain] == ["Base.yaml", "model.yaml", "beside.yaml", "own.yaml"]
    assert chain[2].values["C"] == pytest.approx([2**0.5, 2 * 2**0.5])
    assert chain[3].values == {"D": (1, 2)}
    assert zoo.config_file(Path("Set/model.yaml")) == tmp_path / "zoo" / "Set" / "model.yaml"
    with pytest.raises(ConfigError, match=r"Set/modl\.yaml is neither; did you mean 'Set/model\.yaml'"):
        zoo.config_file(Path("Set/modl.yaml"))


@pytest.mark.parametrize(("text", "message"), [("- 1\n", "must be a mapping of keys"), ("a: [", "must be YAML")])
def test_a_file_that_is_no_config_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_chain(tmp_path / "model.yaml")


@pytest.mark.parametrize(
    ("text", "lazy"),
    [("MODEL: {WEIGHTS: x}", False), ("model: {_target_: !!python/name:os.getcwd ''}", True), ("3", False)],
)
def test_the_kind_of_a_text_is_seen_without_building_it(text: str, lazy: bool) -> None:
    assert is_lazy(text.encode(), "the test") is lazy
    with pytest.raises(ConfigError, match=r"must be YAML or end in \.py"):
        is_lazy(b"a: [", "the test")


def head(*, width: int, depth: int = 2) -> None:
    """Something a config calls."""


def detector(*, head: Any, num_classes: int, **further: Any) -> None:
    """Something that takes anything."""


LAZY: dict[str, Any] = {
    "model": {"_target_": detector, "head": {"_target_": head, "width": 3}, "num_classes": 80, "stages": [{"a": 1}]},
    "dataloader": {"train": {}, "test": {}},
    "optimizer": {},
    "lr_multiplier": {},
    "train": {"max_iter": 3, "amp": {"enabled": False}},
}


def test_nodes_of_a_tree_have_dotted_places() -> None:
    assert [place for place, _ in nodes(LAZY["model"], "model")] == ["model", "model.head", "model.stages.0"]
    assert target_name(LAZY["model"]["head"]).endswith("test_detectron2_parts.head")
    assert target_name({}) == ""


def test_a_tree_of_known_arguments_has_no_mistakes() -> None:
    assert list(tree_mistakes(LAZY)) == []


@pytest.mark.parametrize(
    ("overrides", "mistakes"),
    [
        (
            {
                "model.head.depth": 3,
                "model.anything": 1,
                "train.seed": 4,
                "model.stages.0.a": 2,
                "train.amp.enabled": 1,
            },
            [],
        ),
        ({"model.head.dept": 3}, ["set: model.head.dept: unknown key 'dept'; did you mean 'depth'?"]),
        ({"train.amp.enable": 3}, ["set: train.amp.enable: unknown key 'enable'; did you mean 'enabled'?"]),
        ({"dataloader.trian": 3}, ["set: dataloader.trian: unknown key 'trian'; did you mean 'train'?"]),
        ({"model.stages.x": 3}, ["set: model.stages.x: model.stages is a list of 1; give a position from 0"]),
        ({"train.max_iter.x": 3}, ["set: train.max_iter.x: there is nothing below train.max_iter, which is 3"]),
    ],
)
def test_an_override_must_be_taken_by_what_it_goes_to(overrides: dict[str, Any], mistakes: list[str]) -> None:
    assert list(override_mistakes(LAZY, overrides)) == mistakes


def test_an_argument_nothing_takes_is_named_with_its_place() -> None:
    wrong = LAZY | {"model": {"_target_": head, "width": 1, "hight": 2}, "train": {"max_iters": 1}}
    assert [mistake.split(":")[0] for mistake in tree_mistakes(wrong)] == ["model.hight", "train.max_iters"]


@pytest.mark.parametrize(
    ("target", "node", "words"),
    [
        ("detectron2.modeling.RRPN", {}, "upright boxes only"),
        ("detectron2.modeling.PanopticFPN", {}, "no boxes with classes"),
        ("x.Pooler", {"pooler_type": "ROIAlignRotated"}, "upright boxes only"),
        (
            "x.stages",
            {"block_class": "detectron2.modeling.backbone.resnet.DeformBottleneckBlock"},
            "compiled operators",
        ),
    ],
)
def test_parts_that_cannot_run_are_refused_by_name(
    target: str, node: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "is_compiled", lambda: False)
    [mistake] = lazy_limits("model.part", node, target)
    assert mistake.startswith("model.part: ")
    assert words in mistake


NATIVE: Any = SimpleNamespace(batch_size=16, iterations=90, repeat_threshold=0.25)


def test_a_recipe_that_says_nothing_is_the_configs_own() -> None:
    full = recipe_in_full(Recipe(), NATIVE)
    assert (full.batch_size, full.total_iterations(7.5), full.sampler.repeat_factor_threshold) == (16, 90, 0.25)


def test_what_a_recipe_says_wins() -> None:
    said = Recipe.validated({"batch_size": 4, "epochs": 2, "sampler": {"repeat_factor_threshold": 0.5}}, "the test")
    full = recipe_in_full(said, NATIVE)
    assert (full.batch_size, full.total_iterations(7.5), full.sampler.repeat_factor_threshold) == (4, 15, 0.5)


def test_what_cannot_be_honoured_is_refused_by_field() -> None:
    assert common_refusals(Recipe(accumulate=1, ema=0)) == []
    refused = common_refusals(Recipe(accumulate=2, ema=0.9))
    assert [refusal.split(":")[0] for refusal in refused] == ["accumulate", "ema"]


def test_a_schedule_of_a_longer_training_is_warned_of() -> None:
    notes = schedule_notes(Recipe(epochs=1), 3000, (2000, 60000), 5000)
    assert [note.level for note in notes] == ["warning", "warning"]
    assert "after [60000] iterations, but the recipe trains for 3000" in notes[0].text
    assert "5000 iterations is as long as the whole training or longer" in notes[1].text
    assert schedule_notes(Recipe(), 3000, (60000,), 5000) == []


def test_mixed_precision_is_for_a_gpu_and_as_said() -> None:
    given = Given(2, Path(), 0, "cuda", 0, 4, 10, 5, Recipe())
    assert (given.amp(True), given.amp(False)) == (True, False)
    assert replace(given, recipe=Recipe(amp=True)).amp(False)
    assert not replace(given, device="cpu").amp(True)


def test_a_floor_is_opened_just_below_the_recipes() -> None:
    part: Any = nn.Module()
    part.test_score_thresh, part.test_topk_per_image, part.max_detections_per_image = 0.05, 10, 300
    open_floor(nn.Sequential(part), Recipe(score_floor=0.001, max_boxes=50))
    assert np.float32(part.test_score_thresh) < np.float32(0.001)  # what is compared is of this type
    assert part.test_score_thresh == pytest.approx(0.001, rel=1e-6)
    assert (part.test_topk_per_image, part.max_detections_per_image) == (50, 300)


def test_batches_by_shape_hold_one_shape_and_lose_no_photo() -> None:
    factors, shapes = np.ones(7), [True, False, True, True, False, False, True]
    made = list(batches_by_shape(factors, shapes, Recipe(batch_size=2), seed=1, first=0, count=20))
    assert all(shapes[a] == shapes[b] for (a, _), (b, _) in made)
    drawn = [place for batch in made for place in batch]
    stream = list(islice(places(factors, 1), len(drawn) + 2))
    assert set(drawn) <= set(stream)
    assert len(set(stream) - set(drawn)) <= 2  # one of each shape may be waiting
    later = list(batches_by_shape(factors, shapes, Recipe(batch_size=2), seed=1, first=13, count=7))
    assert later == made[13:]


def test_places_come_to_the_loader_in_our_order() -> None:
    recipe, factors = Recipe(batch_size=3), np.ones(4)
    order = OrderedPlaces(lambda: batches(factors, recipe, 5, 1, 4), 12)
    assert list(order) == list(islice(places(factors, 5), 3, 15))
    assert len(order) == 12


def test_what_a_mapper_draws_depends_on_the_place_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def mapper(record: Record) -> Record:
        return record | {"drawn": (np.random.rand(), float(torch.rand(1)))}

    monkeypatch.setattr(loading, "reading_photos_as_ours", nullcontext)
    make = MappedPhotos([{"name": "a"}, {"name": "b"}], mapper)
    photos = PlacedPhotos(make, 2)
    place: Place = (1, 77)
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    one = photos[place]
    assert torch.equal(torch.rand(1), first)  # the network draws as if no photo had been read
    assert photos[place] == one
    assert one["name"] == "b"
    assert photos[(1, 78)] != one
    assert len(photos) == 2


def test_a_loader_that_starts_draws_nothing_from_the_network() -> None:
    loader = QuietLoader(DataLoader([1, 2]))  # type: ignore[arg-type]
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    assert len(list(loader)) == 2
    assert torch.equal(torch.rand(1), first)


def test_a_seed_holds_inside_only() -> None:
    with seeded(4):
        one = torch.rand(2)
    with seeded(4):
        two = torch.rand(2)
    assert torch.equal(one, two)


def test_channels_are_as_the_config_wants_them() -> None:
    photo = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert in_format(photo, "RGB") is photo
    assert in_format(photo, "BGR")[0, 0].tolist() == [2, 1, 0]
