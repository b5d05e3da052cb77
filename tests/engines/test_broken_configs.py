"""Native configs that once broke their reader, found by hunts: each is refused in words, and the worker lives on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from test_trust import asked, skip_unless_installed

BROKEN: Mapping[str, Mapping[str, str]] = {
    "ultralytics": {
        "long_name.yaml": f"model: {'x' * 70_000}\n",
        "huge_number.yaml": f"model: yolov8n.yaml\nimgsz: 1{'0' * 400}\n",
        "no_text.yaml": "model: yolov8n.yaml\nimgsz: .nan\n",
        "deep.yaml": "[" * 5000,
    },
    "detectron2": {
        "nul.yaml": '_BASE_: "a\\0b"\n',
        "long_name.yaml": f"_BASE_: {'x' * 70_000}\n",
        "nobodys_home.yaml": "_BASE_: ~nobody_of_this_name/a.yaml\n",
        "hang.yaml": 'SOLVER: {BASE_LR: !!python/object/apply:eval ["9**9**9**9"]}\n',
        "swell.yaml": 'SOLVER: {STEPS: !!python/object/apply:eval ["[0] * 10000000000"]}\n',
        "date.yaml": "SOLVER: {BASE_LR: 2001-99-99}\n",
        "deep.yaml": "[" * 5000,
    },
    "effdet": {
        "huge_number.yaml": f"model: tf_efficientdet_lite0\nfpn_channels: 1{'0' * 400}\n",
        "deep.yaml": "[" * 5000,
    },
}
"""By engine: configs by name."""


@pytest.mark.parametrize("engine", BROKEN)
def test_a_broken_config_is_refused_and_the_worker_lives_on(engine: str, tmp_path: Path) -> None:
    skip_unless_installed(engine)
    for name, text in BROKEN[engine].items():
        (tmp_path / name).write_text(text)
    mistakes = asked(engine, tmp_path, {name: tmp_path / name for name in BROKEN[engine]})
    assert {name for name, found in mistakes.items() if not found} == set()
    assert all(len(found[0]) > 20 for found in mistakes.values())
