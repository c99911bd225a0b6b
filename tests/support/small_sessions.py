"""Sessions of small workers: in this process, or as a program that can be stopped and killed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from realtime.config import RunConfig
from realtime.session.child import Restarts
from realtime.session.processes import Process
from realtime.session.supervisor import Supervisor

QUICK = Restarts(limit=3, first_wait_s=0.01, longest_wait_s=0.02)
TIMEOUT_S = 60
SUPPORT = str(Path(__file__).parent)  # where `small_workers` is


def table(produce: str = "produce", lift: str = "lift", view: str | None = None, grace_s: float = 5) -> list[Process]:
    rows = [("producer", produce, True), ("lifter", lift, True), *([("viewer", view, False)] if view else [])]
    return [Process(name, f"small_workers:{main}", essential, 1.0, grace_s) for name, main, essential in rows]


def run(processes: list[Process], config: RunConfig, each_round: Callable[[Supervisor], None] = lambda _: None) -> int:
    """Runs to the end; returns how often something was restarted."""
    deadline = time.monotonic() + TIMEOUT_S

    def on_round(supervisor: Supervisor) -> None:
        assert time.monotonic() < deadline, "the session does not end"
        each_round(supervisor)

    with Supervisor(config, processes, QUICK) as supervisor:
        supervisor.run(on_round)
        return supervisor.restarted


SESSION = textwrap.dedent("""
    import sys
    sys.path.insert(0, sys.argv[1])
    from realtime.config import RunConfig
    from realtime.session.processes import Process
    from realtime.session.supervisor import Supervisor

    def say(supervisor):
        if supervisor.ring.head > 3 and not said:
            pids = [child.popen.pid for child in supervisor.children.values() if child.popen]
            said.append(print(*pids, flush=True))

    if __name__ == "__main__":
        said = []
        rows = [("producer", "produce", True), ("lifter", "lift", True), ("viewer", "look", False)]
        table = [Process(name, f"small_workers:{main}", essential, 5.0, 5.0) for name, main, essential in rows]
        with Supervisor(RunConfig(), table) as supervisor:
            supervisor.run(say)
        print("ended well", flush=True)
""")


def started(folder: Path, program: str) -> subprocess.Popen[str]:
    script = folder / "session.py"
    script.write_text(program)
    return subprocess.Popen(
        [sys.executable, str(script), SUPPORT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
