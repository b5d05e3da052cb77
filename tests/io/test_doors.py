import subprocess
import sys
from pathlib import Path

import pytest

from builders import make_dataset, make_predictions
from bunri.errors import UsageError
from bunri.io import read_predictions, write_predictions
from bunri.io.exact import xyxy_to_exact_xywh


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_a_member_is_named_by_its_file_unless_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"swin{suffix}"
    write_predictions(make_predictions(), path, make_dataset())
    assert read_predictions(str(path), make_dataset()).name == "swin"
    assert read_predictions(path, make_dataset(), name="mine").name == "mine"


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in .parquet, .csv, .json, but got boxes.txt"):
        read_predictions("boxes.txt", make_dataset())
    with pytest.raises(UsageError, match=r"ends in .parquet, .csv, .json"):
        write_predictions(make_predictions(), tmp_path / "boxes", make_dataset())


def test_importing_the_doors_loads_no_table_library() -> None:
    code = "import sys, bunri.io; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_side_with_the_fewest_decimals_that_adds_up_is_taken() -> None:
    x_min, width = 458.5, 176.4
    boxes = make_predictions([(1, 0, 0.5, (x_min, 0.0, x_min + width, 1 / 3))]).box_xyxy
    assert (boxes[0, 2] - boxes[0, 0]) != width  # 176.39999999999998
    assert xyxy_to_exact_xywh(boxes).tolist() == [[x_min, 0.0, width, 1 / 3]]
