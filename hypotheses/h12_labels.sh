#!/usr/bin/env bash
# Pseudo-labels of the teachers of h12_pseudo_labels, each of its own fold and seed. RUNS is where the runs lie (default: runs).
set -euo pipefail
cd "$(dirname "$0")/.."
runs=$(realpath -m "${RUNS:-runs}")
labels=$runs/h12_labels
left_out=$runs/h06_augmentations/data/left_out.json
photos=$BUNRI_DATA/trashnet
mkdir -p "$labels"

[ -e "$left_out" ] || bunri run hypotheses/experiments/h06_augmentations.yaml runs="$runs" --resume
cp "$left_out" "$labels/truth.json"
for seed in 0 1; do
  run=fold0_seed$seed
  found=$labels/found_$run.parquet
  teacher=$runs/h06_augmentations/only_hflip/fold0/seed$seed
  [ -e "$found" ] || bunri predict "$teacher" "$left_out" --images "$photos" --out "$found"
  for score in 0.3 0.5 0.7 0.9; do
    bunri pseudo "$found" --images "$left_out" --min-score $score --out "$labels/at_${score}_$run.json"
  done
  python hypotheses/last_box.py "$labels/at_0.3_$run.json" "$labels/last_box_$run.json"
done
