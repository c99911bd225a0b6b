"""RTMPose by rtmlib (Apache-2.0), which fetches models of its own when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from engines.errors import UserError


class RtmPose:
    """COCO's 17 joints of everybody in a picture; rtmlib's balanced models on the CPU. See `OwnDetector`."""

    skeleton = "coco17"

    def __init__(self) -> None:
        """Raises UserError where rtmlib is not installed."""
        try:
            rtmlib: Any = importlib.import_module("rtmlib")
        except ImportError as error:
            raise UserError("--detector rtmpose needs rtmlib: pip install --no-deps rtmlib tqdm (the OpenCV that it "
                            "would bring would replace ours)") from error  # fmt: skip
        self._body: Any = rtmlib.Body(mode="balanced", backend="onnxruntime", device="cpu")

    def __call__(self, image_bgr: Any) -> Any:
        """(H, W, 3) -> keypoints (N, 17, 2) px, scores (N, 17)."""
        return self._body(image_bgr)
