"""The supervisor against processes that fail in every way. The processes are real; only their work is small."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from waiting import until

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import RunConfig, SourceConfig
from realtime.ring.segment import PREFIX, directory, sweep
from realtime.session import watchdog
from realtime.session.child import Restarts
from realtime.session.processes import Process
from realtime.session.supervisor import Supervisor

Session = tuple[subprocess.Popen[str], list[psutil.Process]]
QUICK = Restarts(limit=3, first_wait_s=0.01, longest_wait_s=0.02)
TIMEOUT_S = 60
SUPPORT = str(Path(__file__).parents[1] / "support")  # where `small_workers` is

@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the processes wrote down."""
    path = tmp_path / "notes"
    path.touch()
    monkeypatch.setenv("NOTES", str(path))
    return lambda: path.read_text().splitlines()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    sweep()  # what another session holds stays, and is nobody's fault
    yield
    assert not sweep()
    left = [child for child in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    assert left == []


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


def test_a_session_ends_with_its_source_and_everything_is_read(notes: Callable[[], list[str]]) -> None:
    assert run(table(view="look"), RunConfig(frames=10)) == 0
    assert "lifter 0 read 10" in notes()


def test_a_crashed_producer_goes_on_behind_its_last_frame(notes: Callable[[], list[str]]) -> None:
    assert run(table("produce_and_crash"), RunConfig()) == 2
    assert [line for line in notes() if line.startswith("producer")] == [
        "producer 0 starts at 0", "producer 1 starts at 5", "producer 2 starts at 10",
    ]  # fmt: skip
    assert "lifter 0 read 15" in notes()


def test_a_frozen_producer_is_killed_by_the_watchdog_and_started_again(notes: Callable[[], list[str]]) -> None:
    assert run(table("produce_and_freeze"), RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_producer_that_is_stopped_before_its_first_beat_is_replaced(
    notes: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SETUP_PULSE_S", 2.0)
    assert run(table("produce_and_stop_in_setup"), RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_producer_that_is_never_ready_is_replaced_after_the_time_it_has_for_that(
    notes: Callable[[], list[str]]
) -> None:
    processes = [replace(process, setup_s=3.0) for process in table("produce_and_hang_in_setup")]
    assert run(processes, RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_supervisor_that_stood_still_forgives_its_processes(notes: Callable[[], list[str]]) -> None:
    """As after Ctrl-Z and fg, where everybody was stopped for longer than the watchdog waits."""
    paused: list[bool] = []

    def each_round(supervisor: Supervisor) -> None:
        children = [child.popen.pid for child in supervisor.children.values() if child.popen]
        if supervisor.ring.head > 5 and not paused:
            paused.append(True)
            for pid in children:
                os.kill(pid or 0, signal.SIGSTOP)
            time.sleep(2.5)  # the supervisor's own pause: twice what its watchdog allows
            for pid in children:
                os.kill(pid or 0, signal.SIGCONT)
        if paused and supervisor.ring.head > 40 and not supervisor.ring.finished:
            supervisor._board.finish()

    assert run(table(), RunConfig(), each_round) == 0
    assert any(line.startswith("lifter 0 read") for line in notes())


def test_processes_go_on_while_their_supervisor_is_stopped(
    tmp_path: Path, notes: Callable[[], list[str]]
) -> None:
    popen = started(tmp_path, SESSION.replace('"lift", True', '"lift_and_chatter", True'))
    try:
        assert popen.stdout is not None
        assert popen.stdout.readline()
        os.kill(popen.pid, signal.SIGSTOP)
        before = len(notes())
        until(lambda: len(notes()) > before + 200)
        os.kill(popen.pid, signal.SIGCONT)
        os.kill(popen.pid, signal.SIGTERM)
        assert popen.communicate(timeout=TIMEOUT_S)[0] == "ended well\n"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.communicate()


def test_what_works_for_a_while_may_fail_any_number_of_times(notes: Callable[[], list[str]]) -> None:
    """More kills than the budget has: each life that worked earns it back."""
    policy = Restarts(limit=2, earn_s=0.2, first_wait_s=0.01, longest_wait_s=0.02)
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        child = supervisor.children["lifter"]
        worked = child.ready_ns and monotonic_ns() - child.ready_ns > NS_PER_S
        if child.popen and worked and len(killed) < 4 and child.popen.pid not in killed:
            killed.append(child.popen.pid or 0)
            os.kill(killed[-1], signal.SIGKILL)
        if len(killed) == 4 and child.life == 4 and child.ready:
            supervisor._board.finish()

    with Supervisor(RunConfig(), table(), policy) as supervisor:
        supervisor.run(each_round)
        assert supervisor.restarted == 4


def test_a_mistake_of_the_users_is_not_tried_again(notes: Callable[[], list[str]]) -> None:
    with pytest.raises(UserError, match="there is no camera 9: plug one in"):
        run(table("produce_nothing"), RunConfig())


def test_a_process_that_always_fails_is_given_up_with_the_reason(notes: Callable[[], list[str]]) -> None:
    with pytest.raises(UserError, match=r"lifter failed 4 times in a row \(ZeroDivisionError: of course\)"):
        run(table(lift="always_crash"), RunConfig())


def test_a_viewer_that_always_fails_does_not_end_the_stream(notes: Callable[[], list[str]]) -> None:
    run(table(view="always_crash"), RunConfig(frames=20))
    assert "lifter 0 read 20" in notes()


def test_a_window_that_is_closed_does_not_end_the_stream(notes: Callable[[], list[str]]) -> None:
    assert run(table(view="look_and_leave"), RunConfig(frames=20)) == 0
    assert "lifter 0 read 20" in notes()


def test_a_killed_viewer_is_started_again_and_the_others_live_on(notes: Callable[[], list[str]]) -> None:
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        looks = [line for line in notes() if line.startswith("viewer")]
        if looks and not killed and supervisor.ring.head > 5:
            killed.append(int(looks[0].split()[-1]))
            os.kill(killed[0], signal.SIGKILL)
        if len(looks) == 2 and not supervisor.ring.finished:
            supervisor.finish()

    assert run(table(view="look"), RunConfig(), each_round) == 1
    assert [line for line in notes() if line.startswith("lifter 1")] == []


def test_a_killed_lifter_reads_on_where_the_first_ended(notes: Callable[[], list[str]]) -> None:
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        pids = [line for line in notes() if line.startswith("lifter") and "pid" in line]
        if pids and not killed and supervisor.ring.consumed > 5:
            killed.append(int(pids[0].split()[-1]))
            os.kill(killed[0], signal.SIGKILL)

    assert run(table(), RunConfig(frames=100), each_round) == 1
    assert "lifter 1 read 100" in notes()


def test_processes_that_do_not_listen_are_killed_after_the_grace(notes: Callable[[], list[str]]) -> None:
    def each_round(supervisor: Supervisor) -> None:
        if supervisor.children["producer"].ready:
            supervisor.finish()

    run(table("hang", view="hang", grace_s=0.3), RunConfig(source=SourceConfig(name="x")), each_round)


def test_an_end_that_is_ordered_twice_is_not_called_a_grace(
    notes: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    def each_round(supervisor: Supervisor) -> None:
        if supervisor.went_ns:
            supervisor.finish()
            supervisor.finish()

    run(table("hang", lift="hang", grace_s=5), RunConfig(), each_round)
    assert "the lifter was killed: it was to stop at once" in caplog.text
    assert "did not stop in" not in caplog.text


def test_what_fails_while_the_session_ends_is_not_started_again(
    notes: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    def each_round(supervisor: Supervisor) -> None:
        producer = supervisor.children["producer"].popen
        if supervisor.went_ns and producer and producer.pid:
            supervisor._board.finish()
            os.kill(producer.pid, signal.SIGKILL)

    assert run(table("hang"), RunConfig(), each_round) == 0
    assert "starting it again" not in caplog.text


def test_the_duration_ends_the_session(notes: Callable[[], list[str]]) -> None:
    run(table(), RunConfig(duration_s=0.2))
    assert any(line.startswith("lifter 0 read") for line in notes())


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


@pytest.fixture
def session(tmp_path: Path, notes: Callable[[], list[str]]) -> Iterator[Session]:
    """A session in a process of its own that can be killed, and its children."""
    popen = started(tmp_path, SESSION)
    assert popen.stdout is not None
    try:
        children = [psutil.Process(int(pid)) for pid in popen.stdout.readline().split()]
        assert len(children) == 3
        yield popen, children
    finally:
        if popen.poll() is None:
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        popen.stdout.close()


def assert_gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=TIMEOUT_S)
    assert alive == []


def test_a_signal_in_the_first_moments_reaches_no_child(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    script = tmp_path / "session.py"
    run_it = "supervisor.run(say)"
    script.write_text(SESSION.replace(run_it, f'print("starts", flush=True)\n        {run_it}'))
    for wait_s in (0.05, 0.15, 0.3):
        popen = subprocess.Popen(
            [sys.executable, str(script), SUPPORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert popen.stdout is not None
        popen.stdout.readline()
        time.sleep(wait_s)  # not a wait for anything: another moment each time
        os.killpg(popen.pid, signal.SIGINT)
        said, complained = popen.communicate(timeout=TIMEOUT_S)
        assert (said.splitlines()[-1], complained) == ("ended well", "")


@pytest.mark.parametrize(
    ("number", "to_the_group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)]
)
def test_a_signal_ends_the_session_in_good_order(
    session: Session, number: signal.Signals, to_the_group: bool, notes: Callable[[], list[str]]
) -> None:
    popen, children = session
    (os.killpg if to_the_group else os.kill)(popen.pid, number)
    assert popen.stdout is not None
    assert popen.stdout.read() == "ended well\n"
    assert popen.wait(TIMEOUT_S) == 0
    assert_gone(children)
    assert any(line.startswith("lifter 0 read") for line in notes())


def test_a_killed_supervisor_leaves_no_process_and_no_memory(session: Session) -> None:
    popen, children = session
    held = {Path(file.path).name for child in children for file in child.memory_maps() if PREFIX + "ring" in file.path}
    assert held, "the children map the ring"
    popen.kill()
    assert_gone(children)
    assert [name for name in held if (directory() / name).exists()] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux wakes the stopped child of a dead parent")
def test_a_stopped_process_does_not_outlive_a_killed_supervisor(session: Session) -> None:
    popen, children = session
    for child in children:
        child.suspend()
    popen.kill()
    assert_gone(children)


def test_memory_of_a_session_that_was_killed_all_at_once_goes_at_the_next_start(
    session: Session, notes: Callable[[], list[str]]
) -> None:
    popen, children = session
    names = {Path(file.path).name for child in children for file in child.memory_maps() if PREFIX + "ring" in file.path}
    os.killpg(popen.pid, signal.SIGKILL)
    assert_gone(children)
    assert [name for name in names if (directory() / name).exists()], "nobody was left to remove it"
    run(table(), RunConfig(frames=2))
    assert [name for name in names if (directory() / name).exists()] == []
