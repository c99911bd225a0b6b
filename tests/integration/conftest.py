"""Lets these tests import the servers beside them by name (mjpeg_server, package_index)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
