"""The synthetic protocols: held-out people, seen by virtual cameras that training never draws, every seed fixed.

The same clip, view and seed give the same azimuth in every protocol, so that two protocols differ in what they name
and in nothing else. Noise is that of `detector_noise`, which training does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.evaluation.constructed_poses import POSES, construct
from engines.evaluation.detector_noise import detect
from engines.evaluation.other_skeletons import seen_through
from engines.evaluation.spoiled_keypoints import (
    DESK,
    HEAD,
    LEGS,
    SIDE,
    UPPER,
    CutOff,
    Spoil,
    Stray,
    every_other_frame_swapped,
    other_definitions,
)
from engines.evaluation.virtual_views import IMAGE_WH, ViewRange, focal_px, retarget, see, to_stature
from engines.models.skeleton import JOINTS
from engines.models.source_skeletons import SKELETONS
from engines.motion.evaluation_set import EvaluationSet, Sequence2D3D, at_rate, pieces
from engines.motion.split import ACTIONS, TEST_SUBJECTS, subject_of

Float = NDArray[np.float32]
SEED = 20230507
CAPTURE_HZ = 120.0
FASTEST_M_S = 15.0  # a joint faster than this is a capture flip: the clip is cut there
SHORTEST_S = 0.5
ASSUMED_HFOV_DEG = 60.0  # the lens where no calibration is given


STATIC = ViewRange()
FRAMED = ViewRange(hfov_deg=(60, 60), fill=(0.6, 0.6), pitch_deg=(5, 5), follow=True)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is changed about the held-out motion, and how it is seen."""

    about: str
    view: ViewRange = STATIC
    body: Callable[[Float], Float] | None = None
    constructed: bool = False
    noisy: bool = False
    assumed_lens: bool = False
    spoil: Spoil | None = None
    skeleton: str = ""  # of the detector; none: ours
    joints: tuple[int, ...] = ()  # scored; none: all
    origin: int = 0  # joint that poses are scored about


def _sweeps() -> dict[str, Protocol]:
    """One thing varied at a time, from a camera of 60 degrees that follows a person filling 60 % of the height."""
    out: dict[str, Protocol] = {}
    for hfov in (40, 60, 90):
        view = replace(FRAMED, hfov_deg=(hfov, hfov))
        out[f"fov{hfov}"] = Protocol(f"field of view {hfov} degrees, known; the person equally large", view)
        out[f"fov{hfov}-assumed"] = Protocol(
            f"field of view {hfov} degrees, taken for {ASSUMED_HFOV_DEG:.0f}", view, assumed_lens=True
        )
    for pitch in (0, 15, 30):
        out[f"pitch{pitch}"] = Protocol(f"seen from {pitch} degrees above", replace(FRAMED, pitch_deg=(pitch, pitch)))
    for metres in (2, 4, 8, 12):
        out[f"distance{metres}"] = Protocol(f"from {metres} m", replace(FRAMED, distance_m=(metres, metres)))
    for centimetres in (140, 160, 180, 200):
        out[f"height{centimetres}"] = Protocol(
            f"a person of {centimetres / 100:.1f} m", FRAMED, body=_Stature(centimetres / 100)
        )
    return out


@dataclass(frozen=True, slots=True)
class _Stature:
    metres: float

    def __call__(self, joints_m: Float) -> Float:
        return to_stature(joints_m, self.metres)


PROTOCOLS: dict[str, Protocol] = {
    "own": Protocol("the subjects' own skeletons, perfect keypoints"),
    "own-noisy": Protocol("the subjects' own skeletons, realistic keypoints", noisy=True),
    "other-lab": Protocol("retargeted to Human3.6M's joint definitions, perfect keypoints", body=retarget),
    "other-lab-noisy": Protocol("retargeted to Human3.6M's, realistic keypoints", body=retarget, noisy=True),
    "other-poses": Protocol("sitting, crouching, lying, hands behind the back", constructed=True),
    "other-poses-noisy": Protocol("the same, realistic keypoints", constructed=True, noisy=True),
    "desk": Protocol("hips and legs unseen: upper joints about the thorax", spoil=CutOff(DESK), joints=UPPER, origin=8),
    "desk-noisy": Protocol(
        "the same, realistic keypoints", noisy=True, spoil=CutOff(DESK), joints=UPPER, origin=8
    ),
    "no-legs": Protocol("knees and ankles unseen", spoil=CutOff(LEGS)),
    "one-side": Protocol("the left side unseen", spoil=CutOff(SIDE)),
    "no-head": Protocol("neck and head unseen", spoil=CutOff(HEAD)),
    "come-and-go": Protocol("hips and legs unseen every other two seconds", spoil=CutOff(DESK, comes_back=True)),
    **{
        f"stray{frames}-{score}": Protocol(
            f"a wrist or ankle anywhere for {frames} frames, score {score}", spoil=Stray(frames, score)
        )
        for frames in (1, 30) for score in (0.3, 0.9)
    },
    "swapped": Protocol("left and right exchanged in every other frame", spoil=every_other_frame_swapped),
    "definitions": Protocol("joints defined otherwise, at random", spoil=other_definitions),
    **{
        f"{skeleton}{noisy}{lab}": Protocol(
            f"our joints from those of {skeleton}", noisy=bool(noisy), body=retarget if lab else None, skeleton=skeleton
        )
        for skeleton in ("coco17", "body25") for noisy in ("", "-noisy") for lab in ("", "-other-lab")
    },
    **_sweeps(),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "all": tuple(PROTOCOLS),
    "held-out": ("own", "other-lab", "own-noisy", "other-lab-noisy"),
    "poses": ("other-poses", "other-poses-noisy"),
    "cut-off": ("desk", "desk-noisy", "no-legs", "one-side", "no-head", "come-and-go"),
    "mistakes": ("stray1-0.3", "stray1-0.9", "stray30-0.3", "stray30-0.9", "swapped", "definitions"),
    "skeletons": tuple(name for name in PROTOCOLS if name.startswith(("coco17", "body25"))),
    "cameras": tuple(name for name in PROTOCOLS if name.startswith(("fov", "pitch", "distance"))),
    "bodies": tuple(name for name in PROTOCOLS if name.startswith("height")),
}


def expand(names: tuple[str, ...]) -> tuple[str, ...]:
    """Protocol and group names -> protocol names, in order, each once. Raises UserError for an unknown name."""
    out: dict[str, None] = {}
    for name in names:
        if name not in PROTOCOLS and name not in GROUPS:
            raise UserError(f"no protocol {name!r}: choose from {', '.join((*GROUPS, *PROTOCOLS))}")
        out.update(dict.fromkeys(GROUPS.get(name, (name,))))
    return tuple(out)


def held_out_clips(path: Path, subjects: Collection[str] = TEST_SUBJECTS) -> dict[str, Float]:
    """These subjects' clips at 30 Hz, cut at capture flips: name -> (T, 17, 3) world. `path`: see `load_clips`."""
    from engines.motion.importers.load_motion import load_clips  # needs SciPy, which scoring clips at hand does not

    clips = {name: clip for name, clip in sorted(load_clips(path).items()) if subject_of(name) in subjects}
    if not clips:
        raise UserError(f"{path} has no clip of the subjects {', '.join(sorted(subjects))}: choose with --subjects")
    return prepared(clips, CAPTURE_HZ)


def prepared(clips: Mapping[str, Float], rate_hz: float) -> dict[str, Float]:
    """Clips cut at flips, at 30 Hz, in parts no longer than the longest window. Parts have the key `NAME/number`."""
    out: dict[str, Float] = {}
    for name, clip in clips.items():
        speed = np.linalg.norm(np.diff(clip, axis=0), axis=-1).max(-1) * rate_hz
        sound = np.split(clip, np.flatnonzero(speed > FASTEST_M_S) + 1)
        parts = [at_rate(run, rate_hz) for run in sound if len(run) >= SHORTEST_S * rate_hz]
        cut = [part[piece] for part in parts for piece in pieces(len(part))]
        out.update({f"{name}/{number}": part for number, part in enumerate(cut)})
    if not out:
        raise UserError(f"no clip is half a second long without a capture flip: {', '.join(sorted(clips))}")
    return out


def build(name: str, clips: Mapping[str, Float], views: int = 2) -> EvaluationSet:
    """The protocol's set from `held_out_clips`, every clip seen by `views` cameras: the same arrays every time."""
    protocol = PROTOCOLS[expand((name,))[0]]
    items = [
        _sequence(protocol, clip, joints, index, view)
        for index, (clip, joints) in enumerate(sorted(clips.items()))
        for view in range(views)
    ]
    scored = np.isin(np.arange(JOINTS), protocol.joints or range(JOINTS))
    return EvaluationSet.of(name, items, scored, protocol.origin)


def _sequence(protocol: Protocol, clip: str, joints_m: Float, index: int, view: int) -> Sequence2D3D:
    rng = np.random.default_rng((SEED, index, view))
    action = ACTIONS.get(subject_of(clip), subject_of(clip))
    if protocol.constructed:
        action = list(POSES)[(index + view) % len(POSES)]
        joints_m = construct(np.random.default_rng((SEED, index, view, 1)), joints_m, action)
    if protocol.body:
        joints_m = protocol.body(joints_m)
    points, hfov_deg = see(rng, joints_m, protocol.view)
    rays = points[..., :2] / points[..., 2:]
    score = np.ones(rays.shape[:-1], np.float32)
    if protocol.noisy:
        focal, centre = focal_px(hfov_deg), np.array(IMAGE_WH, np.float32) / 2
        seen_px, score = detect(rng, (rays * focal + centre).astype(np.float32), IMAGE_WH)
        rays = (seen_px - centre) / focal
    if protocol.skeleton:
        rays, score = seen_through(SKELETONS[protocol.skeleton], points, rays, score)
    if protocol.assumed_lens:
        rays = rays * np.tan(np.radians(ASSUMED_HFOV_DEG) / 2) / np.tan(np.radians(hfov_deg) / 2)
    rays, score = rays.astype(np.float32), score.astype(np.float32)
    if protocol.spoil:
        protocol.spoil(np.random.default_rng((SEED, index, view, 2)), rays, score)
    return Sequence2D3D(rays, score, points - points[:, :1], action)
