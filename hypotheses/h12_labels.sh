#!/usr/bin/env bash
# Pseudo-labels on the photos an experiment did not draw, by each of its two trainings of a model (of its own fold and seed).
#
#   BUNRI_DATA=/path/to/data hypotheses/h12_labels.sh EXPERIMENT MODEL FOLDER_OF_LABELS
#
# The runs lie in BUNRI_RUNS (default: runs); what is missing of them is trained.
set -euo pipefail
cd "$(dirname "$0")/.."
export BUNRI_RUNS=$(realpath -m "${BUNRI_RUNS:-runs}")
experiment=$1 model=$2 labels=$BUNRI_RUNS/$3
left_out=$BUNRI_RUNS/$experiment/data/left_out.json
photos=$BUNRI_DATA/trashnet
mkdir -p "$labels"

bunri run "hypotheses/experiments/$experiment.yaml" runs="$BUNRI_RUNS" --resume
cp "$left_out" "$labels/truth.json"
for seed in 0 1; do
  run=fold0_seed$seed
  found=$labels/found_$run.parquet
  [ -e "$found" ] || bunri predict "$BUNRI_RUNS/$experiment/$model/fold0/seed$seed" "$left_out" --images "$photos" --out "$found"
  for score in 0.3 0.5 0.7 0.9; do
    bunri pseudo "$found" --images "$left_out" --min-score $score --out "$labels/at_${score}_$run.json"
  done
  python hypotheses/last_box.py "$labels/at_0.3_$run.json" "$labels/last_box_$run.json"
done
