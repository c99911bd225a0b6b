"""Freed pictures are used again: the system is asked for their pages once."""

from __future__ import annotations

import subprocess
import sys

import pytest

_FAULTS = """
import resource, threading
import numpy as np
from realtime.process.picture_memory import keep_picture_memory

keep_picture_memory()

def pictures(count):
    for _ in range(count):
        np.empty((2160, 3840, 3), np.uint8).fill(1)

def faults_on_a_thread(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=pictures, args=(count,))
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults_on_a_thread(2)
print(faults_on_a_thread(10))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's memory is Linux's")
def test_pictures_of_4k_ask_the_system_for_their_pages_once() -> None:
    ran = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True, timeout=120)
    assert int(ran.stdout) < 100  # 971 where it is left to itself
