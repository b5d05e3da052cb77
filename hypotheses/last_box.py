"""Keep only the last box of each photo of a COCO JSON: the mistake of a team, made on purpose (H12).

python hypotheses/last_box.py LABELS.json OUT.json
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Read, drop, write."""
    labels = json.loads(Path(sys.argv[1]).read_text())
    last = {annotation["image_id"]: annotation for annotation in labels["annotations"]}
    Path(sys.argv[2]).write_text(json.dumps({**labels, "annotations": list(last.values())}))


if __name__ == "__main__":
    main()
