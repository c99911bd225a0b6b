"""An install without the training extra: lifting works, and what needs torch or onnx says which extra brings it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

# Runs in a process of its own in which these packages cannot be imported.
BLOCK = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from realtime.cli import main
sys.argv = ["realtime", *sys.argv[1:]]
main()
"""


def realtime(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_lift_works_and_torch_is_asked_for_by_its_extra(tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).uniform(100, 400, (5, 17, 2))
    np.savez(tmp_path / "in.npz", keypoints_px=keypoints, fps=30, image_wh=(640, 480))
    source, target = str(tmp_path / "in.npz"), str(tmp_path / "out.npz")

    done = realtime("lift", source, "-o", target)
    assert done.returncode == 0, done.stderr
    assert "5 frames" in done.stdout
    with np.load(target) as out:
        assert np.isfinite(out["joints_m"]).all()

    (tmp_path / "published.bin").write_bytes(b"")
    for arguments in (
        ("lift", source, "-o", str(tmp_path / "other.npz"), "--mode", "sequence"),
        ("import-checkpoint", str(tmp_path / "published.bin")),
        ("bench", "lifter", "--rounds", "1"),
    ):
        refused = realtime(*arguments)
        assert refused.returncode == 2, (arguments, refused.stderr)
        assert re.search(r"pip install '(torch|realtime-pose\[train)", refused.stderr)
        assert "Traceback" not in refused.stderr
