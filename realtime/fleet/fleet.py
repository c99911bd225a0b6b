"""Whoever rules the fleet: starts the door and the workers, replaces the dead, adds, removes, upgrades by order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import zmq

from engines.errors import UserError
from engines.lifting.load_lifter import check_lifter
from realtime.clock import NS_PER_S, deadline_ns, monotonic_ns
from realtime.closing import Closing
from realtime.fleet.actors import OPEN_S, DoorActor, WorkerActor
from realtime.fleet.options import FleetOptions
from realtime.fleet.ray_cluster import cause_of, ray_cluster, require_answer
from realtime.keys.key_store import KeyStore
from realtime.server.metrics_page import require_place
from realtime.wire.endpoints import bind, check_exposure, chosen, is_local

ANSWER_S = 30.0
EMPTY_S = 120.0  # a worker's streams have gone elsewhere by then
_LOOK_S = 0.2
_REPLACE_S = 4.0  # the streams of a dead worker go first: a new one's start takes a core from those who take them
_EARLY_S = 20.0  # a worker that ends sooner than that ...
_MOST_EARLY = 3  # ... so many times in a row is not replaced
_AUTOSCALE_S = 15.0  # how long the load must ask for another number of workers

log = logging.getLogger("realtime.fleet")


@dataclass(slots=True, eq=False)
class _Member:
    name: str
    actor: Any
    running: Any  # ends with it
    began_ns: int
    pid: int
    leaving: bool = False


class EndedError(UserError):
    """`stop` was set while something was waited for."""


class Fleet(Closing):
    """`run` until `stop` is set. `add`, `remove`, `upgrade` and `told` from any thread."""

    def __init__(
        self, options: FleetOptions, stop: threading.Event, say: Callable[[str], None] = lambda text: None
    ) -> None:
        """`say`: what is begun next. Raises UserError where Ray, the door or a worker cannot start; EndedError where
        `stop` is set meanwhile."""
        self._options, self._stop = options, stop
        self._members: dict[str, _Member] = {}
        self._changing = threading.RLock()  # one change at a time
        self._number = self._early = 0
        _require_free(options)
        self._wanted_since_ns = 0
        with ExitStack() as stack:
            say("starting Ray" if options.ray is None else f"joining the Ray cluster at {options.ray}")
            self._ray, self._logs = stack.enter_context(ray_cluster(options.ray))
            say("opening the door")
            self._host = self._workers_host()
            self._door, self.door = self._open_door()
            self._door_running = self._door.run.remote()
            stack.callback(self._end)
            say(f"starting {options.workers} worker{'s' if options.workers > 1 else ''}, loading the model")
            self._add(options.workers)
            self._owned = stack.pop_all()

    def close(self) -> None:
        self._owned.close()

    def run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self._look()
            if self._options.most_workers is not None:
                self._autoscale(self._options.workers, self._options.most_workers)

    # ---- orders ----

    def told(self) -> dict[str, Any]:
        """What the door says, and its addresses."""
        return {**self._ask(self._door.told.remote()), "door": self.door, "logs": str(self._logs)}

    def add(self, count: int) -> list[str]:
        """So many more workers; their names, once they lift. Raises UserError where the cluster has no room."""
        with self._changing:
            return self._add(count)

    def remove(self, name: str | None = None) -> str:
        """Hands a worker's streams over and ends it; None: the newest. Raises UserError where it is the last one."""
        with self._changing:
            if name is not None and name not in self._members:
                raise UserError(f"there is no worker '{name}': 'realtime fleet status' shows who there is")
            if len(self._members) < 2:
                raise UserError("the last worker stays: add another first, or end the fleet with 'realtime fleet down'")
            member = self._members[name or list(self._members)[-1]]
            self._empty(member)
            self._dismiss(member)
            return member.name

    def upgrade(self) -> list[str]:
        """Replaces every worker, one after the other, by one that is started anew; their names."""
        with self._changing:
            before, after = list(self._members.values()), list[str]()
            for member in before:
                after += self._add(1)
                self._empty(member)
                self._dismiss(member)
            return after

    # ---- inside ----

    def _open_door(self) -> tuple[Any, dict[str, Any]]:
        """On this machine, whose address is the one the world knows; started again at the same one if it dies."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        door = self._options.door
        intake, address, rpc = chosen([door.intake, door.address, door.rpc_address])
        here = NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=False)
        actor = self._ray.remote(DoorActor).options(
            num_cpus=0, max_concurrency=16, max_restarts=-1, scheduling_strategy=here,
        ).remote(replace(door, intake=intake, address=address, rpc_address=rpc))  # fmt: skip
        return actor, self._ask(actor.open.remote(), OPEN_S)

    def _add(self, count: int) -> list[str]:
        """Started together."""
        begun = []
        for _ in range(count):
            self._number += 1
            name = f"worker-{self._number}"
            actor = self._ray.remote(WorkerActor).options(
                num_cpus=0 if self._options.ray is None else self._options.cpus, num_gpus=self._options.gpus,
                max_concurrency=4,
            ).remote(name, self._options.serve, self._host, self._door)  # fmt: skip
            begun.append((name, actor, actor.open.remote()))
        names = []
        try:
            for name, actor, opening in begun:
                opened = self._ask(opening, OPEN_S)
                running = actor.run.remote()
                self._members[name] = _Member(name, actor, running, monotonic_ns(), opened["pid"])
                names.append(name)
        except BaseException:
            for name, actor, _ in begun:
                if name not in names:
                    self._ray.kill(actor)
            raise
        return names

    def _empty(self, member: _Member) -> None:
        """Its streams go to others while it goes on. What does not go within a while comes back by itself."""
        member.leaving = True
        if not self._ask(self._door.drain.remote(member.name)):
            log.warning("nobody can take the streams of %s: they pause", member.name)
            return
        until_ns = deadline_ns(EMPTY_S)
        while self._lifts(member.name):
            if until_ns is not None and monotonic_ns() > until_ns:
                log.warning("%s still has streams after %.0f s: they pause", member.name, EMPTY_S)
                return
            time.sleep(_LOOK_S)

    def _lifts(self, name: str) -> int:
        workers = self._ask(self._door.told.remote())["workers"]
        return sum(one["lifts"] for one in workers if one["name"] == name)

    def _dismiss(self, member: _Member) -> None:
        """In good order; by force where that takes long."""
        member.leaving = True
        self._members.pop(member.name, None)
        try:
            self._ask(member.actor.stop.remote())
            self._ask(member.running)
        except (UserError, self._ray.exceptions.RayError) as error:
            log.debug("%s did not end in order: %s", member.name, error)
        self._ray.kill(member.actor)
        self._ask(self._door.bury.remote(member.name))

    def _look(self) -> None:
        """Whether all are alive: who is not is replaced, and its streams go elsewhere at once."""
        ended, _ = self._ray.wait([one.running for one in self._members.values()] + [self._door_running],
                                  num_returns=1, timeout=0)  # fmt: skip
        if not ended:
            return
        with self._changing:
            if self._door_running in ended:
                self._open_door_again()
            for member in [one for one in self._members.values() if one.running in ended and not one.leaving]:
                self._replace(member)

    def _open_door_again(self) -> None:
        """Ray starts the actor again by itself, and takes a while."""
        log.warning("the front door has died and is opened again; streams go on meanwhile")
        until_ns = deadline_ns(OPEN_S)
        while True:
            try:
                self.door = self._ask(self._door.open.remote(), OPEN_S)
                break
            except self._ray.exceptions.RayActorError:
                if until_ns is not None and monotonic_ns() > until_ns:
                    raise
                time.sleep(_LOOK_S)
        self._door_running = self._door.run.remote()

    def _replace(self, member: _Member) -> None:
        del self._members[member.name]
        self._ask(self._door.bury.remote(member.name))
        early = monotonic_ns() - member.began_ns < _EARLY_S * NS_PER_S
        self._early = self._early + 1 if early else 0
        if self._early >= _MOST_EARLY:
            raise UserError(f"{member.name} has died, as {_MOST_EARLY - 1} others did soon after their start: see the "
                            f"logs in {self._logs}")  # fmt: skip
        log.warning("%s has died: its streams go elsewhere, and another worker is started", member.name)
        if self._members and self._stop.wait(_REPLACE_S):
            return
        self._add(1)

    def _autoscale(self, least: int, most: int) -> None:
        """To what the load has asked for, for a while, a worker at a time."""
        with self._changing:
            now_ns, wanted = monotonic_ns(), min(most, max(least, int(self.told()["wanted"])))
            if wanted == len(self._members):
                self._wanted_since_ns = now_ns
            elif now_ns - self._wanted_since_ns > _AUTOSCALE_S * NS_PER_S:
                self._wanted_since_ns = now_ns
                more = wanted > len(self._members)
                name = self._add(1)[0] if more else self.remove()
                log.info("%s has been %s: the load asks for %d workers", name, "added" if more else "removed", wanted)

    def _workers_host(self) -> str | None:
        """Workers are reached as the door is: on this machine alone, or from others by each machine's address."""
        if not is_local(self._options.door.intake):
            return None
        machines = [node for node in self._ray.nodes() if node["Alive"]]
        if len(machines) > 1:
            raise UserError(
                f"{self._options.door.intake} can be reached on this machine alone, and the cluster has "
                f"{len(machines)}: give --bind, --address and --rpc addresses such as tcp://*:5558, and --keys"
            )
        return "127.0.0.1"

    def _ask(self, answer: Any, timeout_s: float = ANSWER_S) -> Any:
        """Raises UserError for what an actor says so, and where there is no place for it; EndedError."""
        until_ns = monotonic_ns() + int(timeout_s * NS_PER_S)
        while not self._ray.wait([answer], timeout=_LOOK_S)[0]:
            if self._stop.is_set():
                raise EndedError("the fleet ends")
            if monotonic_ns() > until_ns:
                raise UserError(f"no answer within {timeout_s:g} s: the cluster may have no room for one more worker, "
                                "see 'ray status', or give less --cpus or --gpus")  # fmt: skip
        try:
            return self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            cause = cause_of(error)
            if not isinstance(cause, UserError):
                raise
            raise UserError(str(cause)) from error

    def _end(self) -> None:
        """Workers first: each tells its subscribers that it stops."""
        members = list(self._members.values())
        for member in members:
            member.leaving = True
            member.actor.stop.remote()
        if members:
            running = [one.running for one in members]
            self._ray.wait(running, num_returns=len(running), timeout=ANSWER_S)
        self._door.stop.remote()
        self._ray.wait([self._door_running], timeout=ANSWER_S)
        for actor in [*(member.actor for member in members), self._door]:
            self._ray.kill(actor)


def _require_free(options: FleetOptions) -> None:
    """What the door would find out only once Ray has started. Raises UserError."""
    door = options.door
    with zmq.Context() as context:
        for address in (door.intake, door.address, door.rpc_address):
            check_exposure(address, door.keys is not None or door.insecure)
            with context.socket(zmq.ROUTER) as held:
                bind(held, address)
    if door.keys is not None:
        KeyStore(door.keys).server()
    if door.metrics is not None:
        require_place(door.metrics)
    if options.ray is None:  # else the models are on the workers' machines
        lifter = options.serve.lifter
        check_lifter(lifter.model, lifter.engine, lifter.lookahead, lifter.plan, lifter.align)
    else:
        require_answer(options.ray)
