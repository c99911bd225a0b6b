"""Rerun: people as figures in space, their keypoints in the picture; to its viewer, or to a recording (.rrd).

`/people/ID` has the bones (LineStrips3D) and joints (Points3D) in the stream's own axes, `/people/ID/extremities` feet
and hands where they are sent (LineStrips3D), `/keypoints/ID` (Points2D) what the detector saw; who is gone is cleared.
The timelines are `capture`, when frames were grabbed, and `frame_id`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError
from engines.extras import pip_install
from engines.models.skeleton import JOINT_NAMES, JOINTS
from engines.write_aside import refuse_existing, require_writable
from realtime.bridge.colours import BONES, joint_rgb
from realtime.closing import Closing
from realtime.rig.extremities import ON, known_lines, points_of
from realtime.wire.messages import KeypointsMessage, PersonPose, PoseMessage

_BONE_M, _THIN_M, _JOINT_M, _POINT_PX = 0.012, 0.005, 0.025, 4.0  # radii
_COLOURS = {held: [joint_rgb(joint, held) for joint in range(JOINTS)] for held in (False, True)}


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes, and how to make a recording stream go there."""

    said: str
    begin: Callable[[Any], None]


def target(
    save: Path | None, connect: str | None, serve: int | None, *, insecure: bool = False, overwrite: bool = False
) -> Target:  # fmt: skip
    """One of them, or a viewer of one's own. Raises UserError for two, or what cannot be, or is open to everybody."""
    given = [name for name, one in (("--save", save), ("--connect", connect), ("--serve", serve)) if one is not None]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} exclude each other: give one of them")
    if save is not None:
        if save.suffix != ".rrd":
            raise UserError(f"{save} is not an .rrd, which is what Rerun reads: give --save {save.with_suffix('.rrd')}")
        refuse_existing(save, overwrite)
        if not save.parent.is_dir():
            raise UserError(f"{save.parent} does not exist: make the folder or choose another for --save")
        require_writable([save])
        return Target(str(save), lambda stream: stream.save(save))
    if connect is not None:
        host, _, port = connect.rpartition(":")
        if not host or not port.isdecimal():
            raise UserError(f"--connect {connect}: give HOST:PORT, such as 127.0.0.1:9876")
        return Target(f"the viewer at {connect}", lambda stream: stream.connect_grpc(f"rerun+http://{connect}/proxy"))
    if serve is not None:
        if not insecure:
            raise UserError(f"--serve {serve}: Rerun listens on all addresses, without a password, so that all who "
                            "reach this machine could watch: add --insecure if they may")  # fmt: skip
        url = f"rerun+http://127.0.0.1:{serve}/proxy"
        return Target(f"viewers that connect: rerun {url}", lambda stream: stream.serve_grpc(grpc_port=serve))
    return Target("Rerun's viewer", lambda stream: stream.spawn())


class Rerun(Closing):
    """A sink of frames. The first one begins the recording: where none comes no file is made.

    `keypoints` is asked for new ones with each frame. Raises UserError without the package, or where the target is not
    to be had.
    """

    def __init__(self, to: Target, keypoints: Callable[[], KeypointsMessage | None]) -> None:
        try:
            import rerun
        except ImportError as error:
            raise UserError(f"Rerun needs the package rerun-sdk: run {pip_install('rerun')}") from error
        self._rerun, self._to, self._keypoints = rerun, to, keypoints
        self._stream: Any = None
        self._space = ""
        self._shown: set[str] = set()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.flush()
            self._stream.disconnect()

    def __call__(self, message: PoseMessage) -> None:
        stream = self._stream = self._stream or self._begun()
        self._set_time(message.t_capture_ns, message.frame_id)
        if message.space != self._space:
            self._space = message.space
            axes = self._rerun.ViewCoordinates
            stream.log("people", axes.RIGHT_HAND_Z_UP if message.space == "world" else axes.RDF, static=True)
        people = [person for person in message.persons if np.isfinite(person.root_m).all()]
        figures = {f"{person.id}": self._figure(person) for person in people}
        for person in people:
            if (whole := points_of(person.joints_m, person.feet_m, person.hands_m)) is not None:
                figures[f"{person.id}/extremities"] = [self._lines(whole + person.root_m, person.held)]
        self._show("people", figures)
        points = self._keypoints()
        if points is not None:
            self._set_time(points.t_capture_ns, points.frame_id)
            self._show("keypoints", {f"{person.id}": self._points(person.xy_px) for person in points.persons})

    def _begun(self) -> Any:
        stream = self._rerun.RecordingStream("realtime")
        try:
            self._to.begin(stream)
        except Exception as error:  # the SDK raises RuntimeError and ValueError as they come
            raise UserError(f"cannot send to {self._to.said} ({error}): choose another place") from error
        names = [self._rerun.AnnotationInfo(id=joint, label=name) for joint, name in enumerate(JOINT_NAMES)]
        about = self._rerun.ClassDescription(info=0, keypoint_annotations=names)
        stream.log("/", self._rerun.AnnotationContext(about), static=True)
        return stream

    def _set_time(self, at_ns: int, frame_id: int) -> None:
        self._stream.set_time("capture", timestamp=np.datetime64(at_ns, "ns"))
        self._stream.set_time("frame_id", sequence=frame_id)

    def _show(self, where: str, figures: dict[str, list[Any]]) -> None:
        """These, and no longer who was shown there before."""
        paths = {f"{where}/{name}": figure for name, figure in figures.items()}
        for path, figure in paths.items():
            self._stream.log(path, *figure)
        for path in [path for path in self._shown if path.startswith(f"{where}/") and path not in paths]:
            self._stream.log(path, self._rerun.Clear(recursive=True))
            self._shown.remove(path)
        self._shown.update(paths)

    def _figure(self, person: PersonPose) -> list[Any]:
        places, colours = person.positions_m, _COLOURS[person.held]
        bones = self._rerun.LineStrips3D(
            [places[list(bone)] for bone in BONES], radii=_BONE_M, colors=[colours[joint] for _, joint in BONES]
        )  # fmt: skip
        joints = self._rerun.Points3D(
            places, radii=_JOINT_M, colors=colours, class_ids=0, keypoint_ids=range(JOINTS), show_labels=False
        )
        return [bones, joints]

    def _lines(self, points: Any, held: bool) -> Any:
        """Feet and hands of points (27, 3)."""
        lines = known_lines(points)
        return self._rerun.LineStrips3D(
            [points[list(line)] for line in lines], radii=_THIN_M,
            colors=[_COLOURS[held][ON[end - JOINTS]] for _, end in lines],
        )  # fmt: skip

    def _points(self, xy_px: Any) -> list[Any]:
        seen = np.flatnonzero(np.isfinite(xy_px).all(1))
        return [self._rerun.Points2D(
            xy_px[seen], radii=_POINT_PX, colors=[joint_rgb(joint, False) for joint in seen.tolist()], class_ids=0,
            keypoint_ids=seen, show_labels=False,
        )]  # fmt: skip
