"""Models, plans, lifted keypoints and a stopped training of the previous version."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from previous_version import MODEL, Place, assert_same, require
from safetensors.numpy import load_file

TRAIN = ("train", "clip.npz", "--config", "recipe.toml", "--run", "run", "--resume", "--threads", "1", "--name", "t")


@pytest.mark.parametrize(
    ("before", "options"),
    [
        ("lifted.npz", [*MODEL, "--lookahead", "2"]),
        ("lifted-sequence.npz", [*MODEL, "--mode", "sequence"]),
        ("lifted-paper.npz", ["--model", "paper-9.safetensors", "--align", "end"]),
    ],
)
def test_keypoints_are_lifted_to_rows_of_the_same_kind(place: Place, before: str, options: list[str]) -> None:
    if "sequence" in options:
        require("onnx")
    place.realtime("lift", "keypoints.npz", *options, "-o", f"again-{before}")
    with np.load(place.work / f"again-{before}") as again, np.load(place.work / before) as expected:
        assert set(again) >= set(expected)
        assert 0 < expected["held"].sum() < len(expected["held"])
        for name, values in expected.items():
            if name.endswith("_m"):  # what surrounds the network has changed since, and poses with it
                np.testing.assert_array_equal(np.isfinite(again[name]), np.isfinite(values), err_msg=name)
            elif name == "window_fill":  # as live: frames that a new phase begins with keep the fuller pose they had
                assert (again[name] >= values - 1e-6).all()
                assert (again[name] == values).mean() > 0.9
            else:
                np.testing.assert_array_equal(again[name], values, err_msg=name)


def test_a_published_checkpoint_is_imported_to_the_same_weights(place: Place) -> None:
    require("torch", "onnx")
    place.realtime("import-checkpoint", "published.bin", "-o", "imported.safetensors", "--name", "paper-9")
    imported, before = place.work / "imported.safetensors", place.work / "paper-9.safetensors"
    weights, expected = load_file(imported), load_file(before)
    assert weights.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(weights[name], values, err_msg=name)
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (imported, before)]
    for card in cards:  # of files that newer tools may write differently
        assert card.pop("sha256")
        assert card.pop("onnx_sha256")
    assert_same(*cards)


def test_a_plan_is_read_and_its_certificate_told(place: Place) -> None:
    said = place.realtime("inspect", "stream.plan", *MODEL).stdout
    card = json.loads((place.work / "stream.plan.json").read_text())
    for words in (
        "tiny-9 (stream-gla-gcn), 9 frames, look-ahead 0, 2", "step form, fp32", "for sm89", "1 to 4, best 2",
        f"mean {card['parity']['mean_mm']:.4f} mm over 1000 frames against torch", "within the limit: max 0.1 mm",
        f"plan {card['plan_sha256'][:16]}: this file", "as it was written", "tiny-9.safetensors",
    ):  # fmt: skip
        assert words in said
    assert_same(json.loads(place.realtime("inspect", "stream.plan", *MODEL, "--json").stdout), card)


def test_a_stopped_training_goes_on(place: Place) -> None:
    """Its samples are drawn and cleaned otherwise since: it goes on from where it was and gets about as far."""
    require("torch", "onnx", "matplotlib")
    (place.work / "run").mkdir()
    shutil.copy(place.work / "checkpoint.pt", place.work / "run")
    place.realtime(*TRAIN)
    logs = [place.work / "run" / "log.jsonl", place.work / "training-log.jsonl"]
    rows, before = ([json.loads(line) for line in log.read_text().splitlines()] for log in logs)
    assert 0 < len(rows) < len(before)
    before = before[-len(rows) :]
    assert [(row["stage"], row["step"]) for row in rows] == [(row["stage"], row["step"]) for row in before]
    for row, was in zip(rows, before, strict=True):
        assert row["mpjpe"] == pytest.approx(was["mpjpe"], rel=0.4)
    taught = json.loads((place.work / "run" / "t.json").read_text())
    assert (taught["frames"], taught["channels"], taught["lookaheads"]) == (3, 8, [0, 2])
