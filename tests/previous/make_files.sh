#!/usr/bin/env bash
# Writes the files that the next version must open. Run in a checkout of the version to keep, with its packages on
# PYTHONPATH:  cd previous && PYTHONPATH=$PWD bash .../make_files.sh FOLDER   (PYTHON=... for another interpreter)
# Needs the extras record, train and tensorrt, xz, and the ports 25580, 25581 and 25582 of this machine. A minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
python=${PYTHON:-python3}
realtime() { "$python" -m realtime.cli "$@"; }
inputs() { "$python" "$here/make_inputs.py" "$@"; }

scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT
in=$scratch/in model=tests/replay/golden/tiny-9.safetensors
mkdir "$in" "$scratch/home"
export HOME=$scratch/home XDG_CONFIG_HOME=$scratch/home/config XDG_CACHE_HOME=$scratch/home/cache
unset REALTIME_CACHE
config=$XDG_CONFIG_HOME/realtime-pose

# ---- what goes in: made up, no version's own ----
realtime calibrate board -o "$in/board.png"
inputs board_pictures "$in" "$in/board.png"
for what in keypoints source_take motion_capture; do inputs $what "$in"; done
if [ -e "$here/files/published.bin.xz" ]; then xz -dc "$here/files/published.bin.xz" > "$in/published.bin"
else inputs published "$in"; fi
inputs commands "$out/commands.json"
cp "$in"/{floor.avi,keypoints.npz,published.bin} "$out"

# ---- calibrations, in their places and by name ----
"$python" "$here/make_inputs.py" serve_board "$in" 25580 & camera=$!
until (exec 3<>/dev/tcp/127.0.0.1/25580) 2>/dev/null; do kill -0 $camera; done
realtime calibrate camera http://127.0.0.1:25580/board --no-window --seconds 12
kill $camera
lens=$config/calibration/cameras/127-0-0-1-25580-board/640x480.yaml
realtime calibrate guess --source "$in/walk.npz" -o "$out/camera-guess.yaml"
realtime calibrate ground --height 1.4 --pitch -8 --roll 0.5 -o "$out/ground.yaml"
realtime calibrate ground --on-board --source "$out/floor.avi" --camera "$lens" -o "$out/ground-board.yaml"
realtime calibrate person ana --height 1.76
realtime calibrate person bo --height 1.7 --rigid --source "$out/keypoints.npz" --camera "$lens" --model $model
realtime keys new server
realtime keys new laptop && realtime keys allow laptop
realtime keys new guest
robot=$("$python" -c 'import zmq; print(zmq.curve_keypair()[0].decode())')
realtime keys allow robot --key "$robot"

# ---- recordings: two recorders of one stream, one of which is killed ----
"$python" -m realtime.cli record -o "$out/take.mcap" --address tcp://127.0.0.1:25581 & whole=$!
"$python" -m realtime.cli record -o "$out/cut.mcap" --address tcp://127.0.0.1:25581 & killed=$!
"$python" -m realtime.cli replay "$in/source.mcap" --lift --model $model --lookahead 2 \
    --address tcp://127.0.0.1:25581 --rpc tcp://127.0.0.1:25582 & player=$!
until [ "$(stat -c %s "$out/cut.mcap" 2>/dev/null || echo 0)" -gt 12000 ]; do kill -0 $player; done
kill -9 $killed
wait $killed || true
wait $player
kill $whole
wait $whole
realtime replay "$out/take.mcap" --lift --model $model --camera "$lens" --ground "$out/ground.yaml" --person bo \
    -o "$out/placed.mcap"

# ---- models, plans, lifted keypoints ----
realtime import-checkpoint "$out/published.bin" -o "$out/paper-9.safetensors"
realtime lift "$out/keypoints.npz" --model $model --lookahead 2 -o "$out/lifted.npz"
realtime lift "$out/keypoints.npz" --model $model --mode sequence -o "$out/lifted-sequence.npz"
realtime lift "$out/keypoints.npz" --model "$out/paper-9.safetensors" --align end -o "$out/lifted-paper.npz"
realtime build-engine $model --target sm89 --batch 1,2,4

# ---- a training that was stopped, and what it came to when it went on ----
cp "$here/recipe.toml" "$in/clip.npz" "$out"
train=(-m realtime.cli train "$out/clip.npz" --run "$scratch/run" --config "$out/recipe.toml" --threads 1 --name taught)
"$python" "${train[@]}" & trainer=$!
until [ -s "$scratch/run/log.jsonl" ]; do kill -0 $trainer; done
kill $trainer
wait $trainer || true
cp "$scratch/run/checkpoint.pt" "$out"
"$python" "${train[@]}" --resume
cp "$scratch/run/log.jsonl" "$out/training-log.jsonl"

# ---- the user's folders as they are left; what is large and empty is packed ----
cp "$here/run.toml" "$out"
cp -r "$config" "$out/config"
rm -f "$out"/config/calibration/cameras/*/*.png
cp -r "$XDG_CACHE_HOME/realtime-pose" "$out/cache"
xz -9e "$out"/cache/plans/*.plan "$out"/{checkpoint.pt,published.bin}
(cd "$scratch/home" && find . -path '*/realtime-pose/*' -type f | sed 's|^\./||' | sort) > "$out/places.txt"
