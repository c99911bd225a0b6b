"""What can be fetched, by name: pose models and demo clips, their origins and licences, pinned by SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_BLAZEPOSE = "Apache-2.0 (BlazePose, Google)"
_POSE2SIM = "BSD-3-Clause (Pose2Sim)"
_POSE2SIM_WHEEL = "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1"
_MODELS = "https://storage.googleapis.com/mediapipe-models/pose_landmarker"


@dataclass(frozen=True)
class Download:
    """One archive and what to take out of it. No members: the download is itself the file."""

    manager: str  # pip | npm | url
    spec: str  # requirement, npm package, or address
    archive_bytes: int
    archive_sha256: str
    members: Mapping[str, str]  # path in the archive -> SHA-256


_MEDIAPIPE_WHEEL = Download(
    "pip", "mediapipe==0.10.21", 35_622_638, "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    {
        "mediapipe/modules/pose_detection/pose_detection.tflite":
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite":
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    },
)  # fmt: skip


def _pose_npm(size: str, sha256: str) -> Download:
    return Download(
        "npm", "@mediapipe/pose@0.5.1675469404", 40_985_403,
        "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
        {
            "package/pose_solution_packed_assets.data":
                "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
            f"package/pose_landmark_{size}.tflite": sha256,
        },
    )  # fmt: skip


def _pose_url(size: str, archive_bytes: int, sha256: str) -> Download:
    url = f"{_MODELS}/pose_landmarker_{size}/float16/1/pose_landmarker_{size}.task"
    return Download("url", url, archive_bytes, sha256, {})


@dataclass(frozen=True)
class Asset:
    """One file in the cache, and where it can come from: the first download that works is taken."""

    name: str
    suffix: str  # .task: built of a detector and a landmark model; .mp4: taken as it is; .zip: of the members
    about: str
    licence: str
    size_bytes: int
    downloads: tuple[Download, ...]


ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset("pose-full", ".task", "pose detector, the default", _BLAZEPOSE, 9_400_000, (_MEDIAPIPE_WHEEL,)),
        Asset("pose-lite", ".task", "pose detector, faster", _BLAZEPOSE, 5_800_000, (
            _pose_npm("lite", "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61"),
            _pose_url("lite", 5_777_746, "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a"),
        )),
        Asset("pose-heavy", ".task", "pose detector, more accurate", _BLAZEPOSE, 30_700_000, (
            _pose_npm("heavy", "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"),
            _pose_url("heavy", 30_664_242, "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b"),
        )),
        Asset("demo", ".mp4", "clip: two people outdoors, 7.7 s at 30 fps", "BSD-3-Clause (Sports2D)", 3_968_304, (
            Download("pip", "sports2d==0.8.34", 9_050_415,
                     "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
                     {"Sports2D/Demo/demo.mp4": "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"}),
        )),
        Asset("demo-balance", ".mp4", "clip: one person on a beam, upright, 1.7 s at 60 fps", _POSE2SIM, 540_548, (
            Download("pip", "pose2sim==0.10.49", 51_189_031, _POSE2SIM_WHEEL,
                     {"Pose2Sim/Demo_SinglePerson/videos/cam02.mp4":
                          "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442"}),
        )),
        Asset("four-views", ".zip", "one person on a beam, four calibrated cameras: for realtime evaluate --people",
              _POSE2SIM, 4_415_131, (
            Download("pip", "pose2sim==0.10.49", 51_189_031, _POSE2SIM_WHEEL, {
                "Pose2Sim/Demo_SinglePerson/calibration/Calib.qca.txt":
                    "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5",
                "Pose2Sim/Demo_SinglePerson/videos/cam01.mp4":
                    "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
                "Pose2Sim/Demo_SinglePerson/videos/cam02.mp4":
                    "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
                "Pose2Sim/Demo_SinglePerson/videos/cam03.mp4":
                    "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
                "Pose2Sim/Demo_SinglePerson/videos/cam04.mp4":
                    "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
            }),
        )),
    )
}  # fmt: skip
DEFAULTS = ("pose-full", "demo")  # what the main job on the demo clip needs
