"""A moment of fuzzing of everything that reads bytes of others; `fuzz.py` does it for as long as one likes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).with_name("fuzz.py")


def test_whatever_is_read_is_read_or_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(FUZZ), "--seconds", "1", "--keep", str(tmp_path / "found")],
                          capture_output=True, text=True, timeout=280)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert len(told) == 14
    assert all(one["tried"] > 0 for one in told.values())
    assert not (tmp_path / "found").exists()
