"""The line as it is scored is the line as it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.person.body_scale import ANKLES
from engines.errors import UserError
from engines.evaluation.evaluate import evaluate_set, of_lifter
from engines.evaluation.protocols import build
from engines.lifting.load_lifter import load_lifter
from realtime.commands.models.evaluate import evaluate
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.model.whole_line import PARTS, of_part
from realtime.pipeline.confirm import CONFIRM_FRAMES
from realtime.pipeline.pose_frame import Lift
from tests.support.people_in_view import stepping

CLIPS = {"03_01/0": (stepping(90) * (1, -1, -1) + (0, 1, 0)).astype(np.float32)}
SIZE = (1280, 720)
FOCAL = 1280 / 2 / np.tan(np.radians(30))


def test_what_is_scored_is_what_is_published() -> None:
    data = build("swapped", CLIPS, 1)
    with load_lifter() as lifter:
        scored, sigma = of_part(lifter)(data.rays, data.score)
    with load_lifter() as lifter:
        lift = Lift(lifter, PlaceConfig(floor="off"), "nowhere", 1)
        for frame, (rays, score) in enumerate(zip(data.rays[0], data.score[0], strict=True)):
            xy_px = (rays * FOCAL + (639.5, 359.5)).astype(np.float32)
            at_ns = round(frame * 1e9 / 30)
            seen = Keypoints2D(Stamp(frame, at_ns, at_ns), SIZE, (Person2D(0, xy_px, score),), at_ns, 0)
            persons = lift(seen).persons
            if frame < CONFIRM_FRAMES - 1:
                assert not persons
                continue
            (person,) = persons
            off = np.abs(person.joints_m - scored[0, frame, 0]).max(1)
            assert np.delete(off, ANKLES).max() < 0.01
            assert off.max() < 0.05, "resting feet hold the ankles, which is not scored"
            assert sigma is not None
            np.testing.assert_allclose(person.sigma_m, sigma[0, frame, 0], atol=0.01)
    doings = lift.doings()
    assert doings["sides_swapped"] == 45
    assert [body["id"] for body in doings["bodies"]] == [0]  # type: ignore[attr-defined]


@pytest.mark.parametrize("protocol", ["swapped", "stray30-0.9"])
def test_the_line_undoes_what_the_network_alone_is_thrown_by(protocol: str) -> None:
    data = build(protocol, CLIPS, 1)
    with load_lifter() as lifter:
        line, network = (evaluate_set(of(lifter), data)[0].metrics for of in (of_part, of_lifter))
    assert line.mpjpe_mm < 0.9 * network.mpjpe_mm


def test_a_known_height_is_taken_from_the_truth() -> None:
    data = build("height200", CLIPS, 1)
    with load_lifter() as lifter:
        unknown, known = (
            evaluate_set(of_part(lifter), data, known_height=height)[0].metrics for height in (False, True)
        )
    assert known.mpjpe_mm < 0.7 * unknown.mpjpe_mm
    assert known.p_mpjpe_mm == pytest.approx(unknown.p_mpjpe_mm, rel=1e-3)


def test_each_part_alone_is_between_nothing_and_all() -> None:
    data = build("swapped", CLIPS, 1)
    with load_lifter() as lifter:
        mm = {part: evaluate_set(of_part(lifter, part), data)[0].metrics.mpjpe_mm for part in PARTS}
    assert len(set(mm.values())) == len(PARTS)
    assert mm["clean"] < mm["network"]
    assert mm["line"] < mm["body"]


def test_a_part_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no part 'all'"):
        evaluate(data=tmp_path, part="all")
