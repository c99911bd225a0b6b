"""A real person before four calibrated cameras, through the whole session: Pose2Sim's clips, where they are cached."""

from __future__ import annotations

import os
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from run_process import RunProcess
from serve_process import WAIT_S

from calibration.cameras.cameras_file import Cameras, save_cameras
from calibration.lens.placed import PlacedCamera
from calibration.lens.qualisys import read_qualisys
from calibration.person.body_scale import bone_lengths
from realtime.assets.catalogue import ASSETS
from realtime.assets.fetch import cached
from realtime.client.subscribe import Subscriber
from realtime.wire.messages import PoseMessage

SEEN = 20  # fused poses that are looked at


@pytest.fixture
def site(tmp_path: Path) -> Path:
    views = cached(ASSETS["four-views"])
    if views is None or cached(ASSETS["pose-lite"]) is None:
        pytest.skip("needs the assets four-views and pose-lite: realtime assets fetch four-views pose-lite")
    with zipfile.ZipFile(views) as archive:
        archive.extractall(tmp_path)
    clips = sorted(tmp_path.glob("*.mp4"))
    placed = read_qualisys(next(tmp_path.glob("*.qca.txt")).read_bytes())
    named = [PlacedCamera(clip.stem, one.camera, one.rotation, one.shift_m)
             for clip, one in zip(clips, placed, strict=True)]  # fmt: skip
    save_cameras(tmp_path / "cameras.yaml", Cameras(tuple(named)))
    tables = "".join(f'[[camera]]\nname = "{clip.stem}"\nsource = {{name = "{clip.name}", loop = true}}\n'
                     for clip in clips)  # fmt: skip
    (tmp_path / "site.toml").write_text(f'cameras = "cameras.yaml"\n[detector]\nsize = "lite"\n{tables}')
    return tmp_path


def fresh(subscriber: Subscriber) -> list[PoseMessage]:
    return [next(one for one in subscriber if any(not person.held for person in one.persons)) for _ in range(SEEN)]


@pytest.mark.timeout(900)
def test_four_cameras_fuse_and_a_killed_producer_does_not_end_the_stream(site: Path) -> None:
    with (
        RunProcess("--config", "site.toml", "--no-view", cwd=site) as run,
        Subscriber(run.address, timeout_s=WAIT_S) as subscriber,
    ):
        pids = {name: run.pid(f"camera {name}") for name in ("cam01", "cam02", "cam03", "cam04")}
        messages = fresh(subscriber)
        assert {(one.space, one.scale, one.floor) for one in messages} == {("world", "measured", "measured")}
        roots_m = np.array([person.root_m for one in messages for person in one.persons])
        assert np.median(np.linalg.norm(roots_m[:, :2], axis=1)) < 3  # on the beam in the middle of the laboratory
        assert 0.5 < np.median(roots_m[:, 2]) < 1.7  # upright, above the floor
        shins_m = np.array([bone_lengths(person.joints_m)[[3, 6]] for one in messages for person in one.persons])
        assert 0.3 < np.median(shins_m) < 0.55

        os.kill(pids["cam02"], signal.SIGKILL)
        run.wait_for("the camera cam02 failed")
        after = fresh(subscriber)
        assert {one.session for one in after} == {messages[0].session}
        assert after[-1].seq > messages[-1].seq
        run.pid("camera cam02")  # its next life
        run.interrupt()
        assert run.finish()["restarts"] >= 1
