"""A bridged network: a topology that runs in real time, with its ports on loopback and its ways to the outside.

    with Bridge("lab.yaml") as bridge:
        requests.get(bridge.url("web", 80))

Everything of the network happens in one thread, that of `run`, or the one that `with` starts. Others hand it what is
to be done there with `call`.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from sim.bridge.associations import Associations
from sim.bridge.control import Control
from sim.bridge.datagrams import DatagramDoor
from sim.bridge.doors import Doors
from sim.bridge.entrance import Entrance
from sim.bridge.loopback import BridgeError, both, check_loopback, check_up, exactly
from sim.bridge.outward import OutwardDatagrams, OutwardStream
from sim.bridge.published import DATAGRAM, STREAM, Endpoint, Published
from sim.bridge.realtime import Door, Pacer
from sim.bridge.relay import refuse
from sim.bridge.segments import open_doors
from sim.bridge.tasks import Task
from sim.lab.api import prepare
from sim.lab.commands import Commands
from sim.lab.nodes import LabHost, LabRouter
from sim.lab.runner import Report, StepReport
from sim.lab.servers import program_of
from sim.userland.sockets import Socket

LOOK_EVERY: Final = 20_000_000
"""ns of wall clock between two looks at which ports are open."""
PATIENCE: Final = 10.0
"""Seconds that somebody waits for a port, or for the network to do what it was told."""
LOCAL: Final = "127.0.0.1"
DNS_PORT: Final = 53
STOPPED: Final = "it was stopped"

T = TypeVar("T")
Address = tuple[str, int]


@dataclass(frozen=True)
class Settings:
    """What a bridge offers, in place of what the topology says under `bridge`.

    `socks`, `proxy` and `dns` are ports on 127.0.0.1 (0: any free one); `outward` leads a port inside to a real one,
    `{("api.test", 443): ("127.0.0.1", 8443)}`; `enter_at` is the host at which the real world enters (the first one, if
    nobody says which), `exit_at` the one that names stand for which no node has. `anywhere` lets real addresses be
    others than this machine's.
    """

    enter_at: str | None = None
    exit_at: str | None = None
    socks: int | None = None
    proxy: int | None = None
    dns: int | None = None
    outward: dict[Address, Address] = field(default_factory=dict)
    anywhere: bool = False
    record: bool = False


@dataclass
class Summary:
    """What there was: connections and bytes, how well time was kept."""

    connections: int = 0
    lag: str = ""
    problems: list[str] = field(default_factory=list)


class Bridge:
    """The network of a topology file, in real time. `speed` 2.0 is twice as fast as the clock.

    `on_change(endpoint, appears)` and `on_step(report)` are called in the network's thread. Raises TopologyError for
    the file, BridgeError for what the real system refuses.
    """

    def __init__(
        self,
        path: str | Path,
        settings: Settings | None = None,
        *,
        seed: int | None = None,
        speed: float = 1.0,
        on_change: Callable[[Endpoint, bool], None] = lambda _endpoint, _appears: None,
        on_step: Callable[[StepReport], None] | None = None,
    ) -> None:
        check_up()
        wanted = settings or Settings()
        self.run_ = prepare(path, seed, on_step, record=wanted.record or None)
        self.topology = self.run_.topology
        self.settings = _merged(wanted, self.topology.bridge)
        self.network = self.run_.network
        self.entry = self._find_entry()
        self.pacer = Pacer(self.network.engine, speed)
        self.ports: dict[str, tuple[str, int]] = {}
        self.endpoints: dict[tuple[str, str, int], Endpoint] = {}
        self._changed = threading.Condition()
        self._on_change = on_change
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._more_doors: list[Door] = []
        self._closed = False
        self._next_look = 0  # of the wall clock, ns
        self._associations: Associations | None = None
        self._own: list[Any] = []  # what is closed at the end
        self.doors = Doors()
        self.published = Published(self.network, self.doors, self.entry, self._note)
        try:
            self._open_ways()
            self._more_doors = open_doors(self.network, self.topology)
            self.network.engine.at(self.network.now, self.run_.begin)
        except BaseException:
            self.close()
            raise

    # -- for users

    @property
    def addresses(self) -> dict[str, str]:
        """The loopback address of each host."""
        return self.published.addresses

    def endpoint(self, host: str, port: int, protocol: str = "tcp", timeout: float = PATIENCE) -> tuple[str, int]:
        """Where a port of a host is reached on loopback; waits until a program listens on it, at most `timeout`
        seconds. Raises BridgeError if none does."""
        key = (host, protocol, port)
        with self._changed:
            self._changed.wait_for(lambda: key in self.endpoints or self._failure is not None, timeout)
            if self._failure is not None:
                raise self._stopped() from self._failure
            found = self.endpoints.get(key)
        if found is None:
            known = ", ".join(f"{name} {kind} {number}" for name, kind, number in self.endpoints) or "none"
            raise BridgeError(f"nobody listens on {protocol} port {port} of {host}; open ports are: {known}")
        return found.address, found.real_port

    def url(self, host: str, port: int, path: str = "/", scheme: str = "http") -> str:
        """The URL of a web server inside: `bridge.url("web", 80)`."""
        address, real_port = self.endpoint(host, port)
        return f"{scheme}://{address}:{real_port}{path}"

    def call(self, action: Callable[[], T], timeout: float = PATIENCE) -> T:
        """Let the network's thread do something, and return what it returns. Raises what it raises, and BridgeError
        when the network does not run."""
        if self._thread is threading.current_thread():
            return action()
        if self._thread is None:
            raise BridgeError("the network does not run")
        task = Task(action)
        self._tasks.put(task)
        if self._failure is not None:
            self._refuse_tasks()
        self.pacer.wake()
        return cast("T", task.wait(timeout))

    def step(self, **step: Any) -> None:
        """Change something while it runs, in the words of a scenario: `bridge.step(link={"endpoints": ["a", "b"],
        "loss": "10%"})`; also `node`, `partition`, `heal`. Raises TopologyError."""
        self.call(partial(self.commands.do, step))

    def listen_for_commands(self, path: str | Path) -> None:
        """Take commands at a local socket (see control.py). Raises BridgeError if it cannot be made."""
        self._own.append(Control(self.doors, path, self._obey))

    def _obey(self, command: Any) -> dict[str, Any]:
        """Do what a command says: a step, or `{"ports": true}`, or `{"stop": true}`."""
        if command == {"ports": True}:
            return {"ports": [endpoint.as_dict() for endpoint in self.endpoints.values()]}
        if command == {"stop": True}:
            self.stop()
        else:
            self.commands.do(command)
        return {}

    @property
    def commands(self) -> Commands:
        """What can be done to the network while it runs."""
        return Commands(self.topology, self.network, self.run_.cables)

    # -- running

    def run(self, until: int | None = None) -> Report:
        """Run in this thread, to `until` (ns of virtual time), `stop()` or Ctrl-C; then close all."""
        self._thread = threading.current_thread()
        try:
            self.pacer.run(until, [self.doors, *self._more_doors], self._turn, LOOK_EVERY)
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self.close()
            with self._changed:
                self._failure = self._failure or BridgeError(STOPPED)
                self._changed.notify_all()
            self._refuse_tasks()
        return self.run_.report()

    def stop(self) -> None:
        """End the run, from any thread."""
        self.pacer.stop()

    def close(self) -> None:
        """Close the listeners and connections, and end the programs."""
        if self._closed:
            return
        self._closed = True
        self.published.close()
        for own in self._own:
            own.close()
        for door in self._more_doors:
            door.close()
        self.doors.close()
        self.network.close()

    def summary(self) -> Summary:
        """What there was."""
        streams = [own for own in self._own if isinstance(own, OutwardStream)]
        total = self.published.connections + sum(own.connections for own in streams)
        return Summary(total, str(self.pacer.lag), self.published.problems)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run_apart, name="sim.bridge", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        assert self._thread is not None
        self._thread.join()
        if kind is None and self._failure is not None and str(self._failure) != STOPPED:
            raise self._stopped() from self._failure

    def _run_apart(self) -> None:
        with suppress(BaseException):  # it is kept as the failure, and told to who asks for something
            self.run()

    def _stopped(self) -> BridgeError:
        return BridgeError(f"the network has stopped: {self._failure}")

    def _refuse_tasks(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait().fail(self._stopped())

    def _turn(self) -> None:
        """Between the events of the network: what these have made possible, what others want done, and now and then
        which ports are open."""
        if self._associations is not None:
            self._associations.look()
        self.doors.settle()
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait().do()
        now = time.monotonic_ns()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            self.doors.look()
            self.published.look()

    def _note(self, endpoint: Endpoint, appears: bool) -> None:
        key = (endpoint.host, endpoint.protocol, endpoint.port)
        with self._changed:
            if appears:
                self.endpoints[key] = endpoint
            else:
                self.endpoints.pop(key, None)
            self._changed.notify_all()
        if not self._closed:
            self._on_change(endpoint, appears)

    # -- ways in and out

    def _find_entry(self) -> LabHost | LabRouter:
        name = self.settings.enter_at
        if name is None:
            hosts = [node for node in self.network.nodes.values() if isinstance(node, LabHost)]
            if not hosts:
                raise BridgeError("there is no host at which the real world could enter")
            return hosts[0]
        node = self.network[name]
        if not isinstance(node, LabHost | LabRouter):
            raise BridgeError(f"{name} is a {node.kind}: the real world enters at a host or a router")
        return node

    def _open_ways(self) -> None:
        settings = self.settings
        for (name, port), (address, real_port) in settings.outward.items():
            node = self._machine_for(name)
            outside = check_loopback(address, real_port, settings.anywhere)
            self.published.taken.add(outside)
            self._own.append(OutwardStream(self.doors, node, port, outside))
            self._own.append(OutwardDatagrams(self.doors, self.network.engine, node, port, outside))
        if settings.socks is not None:
            self._serve("socks", settings.socks, 1080)
            self._associations = Associations(self.doors, self.entry)
            self._own.append(self._associations)
        if settings.proxy is not None:
            self._serve("proxy", settings.proxy, 3128)
        if settings.dns is not None:
            self._open_dns(settings.dns)

    def _machine_for(self, name: str) -> LabHost | LabRouter:
        """The host or router that a name, or an address, inside stands for; for other names the exit, from now on."""
        node = self.network.nodes.get(name) or self._owner(name)
        if isinstance(node, LabHost | LabRouter):
            return node
        if node is not None:
            raise BridgeError(f"{name} is a {node.kind}: only hosts and routers have ports")
        if self.settings.exit_at is None:
            raise BridgeError(f"no node is called {name}: say which one shall stand for it, by exit_at")
        exit_node = self.network[self.settings.exit_at]
        if not isinstance(exit_node, LabHost | LabRouter):
            raise BridgeError(f"{exit_node.name} is a {exit_node.kind}: only hosts and routers have ports")
        address = socket.inet_ntoa(self.network.resolve(exit_node.name))
        for other in self.network.nodes.values():
            if isinstance(other, LabHost | LabRouter):
                other.resolver.hosts[name.lower()] = [address]
        return exit_node

    def _owner(self, address: str) -> Any:
        try:
            return self.network.address_owner(socket.inet_aton(address))
        except OSError:
            return None

    def _serve(self, name: str, port: int, inner_port: int) -> None:
        """A proxy is an ordinary program on the entry, which only listens to itself; a real port leads to it."""
        self.entry.serve(partial(program_of(name), inner_port, LOCAL), name=name)
        real, real_port = exactly(LOCAL, port, STREAM)
        self.ports[name] = (LOCAL, real_port)
        join = partial(self.published.join, host=self.entry.name, address=socket.inet_aton(LOCAL), port=inner_port)
        self._own.append(Entrance(self.doors, real, join))

    def _open_dns(self, port: int) -> None:
        """The name server of the entry, by UDP and TCP."""
        stream, real, real_port = both(LOCAL, port)
        door = DatagramDoor(self.doors, self.network.engine, real, self._ask)
        self.published.cuts.append(door.cut)
        self._own.append(door)
        self._own.append(Entrance(self.doors, stream, self._ask_by_tcp))
        self.ports["dns"] = (LOCAL, real_port)

    def _ask_by_tcp(self, client: socket.socket) -> None:
        try:
            self.published.join(client, self.entry.name, self._name_server(), DNS_PORT)
        except BridgeError:
            refuse(client)

    def _ask(self) -> Socket:
        server = socket.inet_ntoa(self._name_server())
        inner = self.entry.socket(socket.AF_INET, DATAGRAM)
        inner.connect_ex((server, DNS_PORT))
        return inner

    def _name_server(self) -> bytes:
        servers = self.entry.resolver.servers
        if not servers:
            raise BridgeError(f"{self.entry.name} has no name server to ask: write dns: ADDRESS in the file")
        return socket.inet_aton(servers[0])


def _merged(settings: Settings, written: Any) -> Settings:
    """The settings, with what they leave open as it is written in the file."""
    named = {
        name: getattr(written, name)
        for name in ("enter_at", "exit_at", "socks", "proxy", "dns")
        if getattr(settings, name) is None
    }
    outward = {tuple(inner): tuple(real) for inner, real in written.outward.items()} | settings.outward
    return replace(settings, **named, outward=outward)
