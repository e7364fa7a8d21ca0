"""Hosts, routers and probes as the users of a `Network` meet them: devices that can also be told to do things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary

from sim.devices.host import Host
from sim.devices.router import Router
from sim.engine.engine import Engine
from sim.errors import TopologyError
from sim.links.port import Port, Receiver, Tap
from sim.services.ping import Ping
from sim.services.traceroute import Traceroute
from sim.tracing.recorder import Recorder
from sim.units import duration
from sim.userland.resolver_settings import ResolverSettings
from sim.userland.sockets import Socket
from sim.userland.table import SocketTable
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from scapy.packet import Packet

    from sim.lab.authority.authority import Authority
    from sim.userland.process import Process
    from sim.userland.tasks import Scheduler


class Daemon(Protocol):
    """What runs on a machine as long as it is on, and is no program: DHCP."""

    def start(self) -> None:
        """The power is on."""

    def cut(self) -> None:
        """The power is off."""


class Surroundings(Protocol):
    """What a node asks of its network: which address a name has, and to let time pass."""

    seed: int

    @property
    def authority(self) -> Authority: ...

    environment: dict[str, str]

    @property
    def scheduler(self) -> Scheduler: ...

    def resolve(self, name: str) -> bytes: ...

    def name_of(self, address: str) -> str | None: ...

    def run_until(self, done: Callable[[], bool]) -> None: ...


class Tools:
    """The tools of a node with an IP stack. Each runs virtual time until it is done."""

    network: Surroundings
    _sockets: SocketTable | None = None
    _programs: list[Process] = []  # noqa: RUF012 - exchanged, never changed in place
    _started: int = 0
    _services: tuple[Callable[[], Process], ...] = ()
    _origins: WeakKeyDictionary[Process, list[int]] | None = None
    _resolver: ResolverSettings | None = None
    _exposed: dict[str, Any] | None = None
    daemons: tuple[Daemon, ...] = ()
    services: tuple[Process, ...] = ()
    """What `serve` has started, as it runs since the machine was last switched on."""

    def ping(
        self: Any,
        destination: str,
        count: int = 1,
        *,
        interval: int | str = "1s",
        size: int = 56,
        ttl: int = 64,
        dont_fragment: bool = False,
        timeout: int | str = "1s",
    ) -> Ping:
        """Send `count` echo requests to an address or the name of a node; `.received`, `.replies`, `.errors` tell."""
        ping = Ping(
            self,
            self.find(destination),
            self.engine.stop,
            count=count,
            interval=duration(interval),
            size=size,
            ttl=ttl,
            dont_fragment=dont_fragment,
            timeout=duration(timeout),
        )
        ping.start()
        self.network.run_until(lambda: ping.done)
        return ping

    def traceroute(self: Any, destination: str, *, max_hops: int = 30, timeout: int | str = "1s") -> Traceroute:
        """Find the routers on the way to an address or a node; `.hops` and `.reached` tell."""
        trace = Traceroute(
            self,
            self.find(destination),
            self.engine.stop,
            max_hops=max_hops,
            timeout=duration(timeout),
        )
        trace.start()
        self.network.run_until(lambda: trace.done)
        return trace

    def find(self: Any, name: str) -> bytes:
        """The address of a node or an interface, or of a name that it looks up itself: then time passes.

        Raises TopologyError.
        """
        settings = self.resolver
        try:
            return cast("bytes", self.network.resolve(name))
        except TopologyError:
            may_ask = settings.servers and ("." in name or settings.search)
            if not may_ask and name.lower() not in settings.hosts:
                raise
        from sim.userland.names import told

        addresses, error = self.run(told, name)
        if error:
            raise TopologyError(f"{name}: {error}")
        return parse_ip(addresses[0])

    def socket(self: Any, family: int = 2, type: int = 1, proto: int = 0) -> Socket:  # noqa: A002
        """A socket of this node, with the API of Python's own; it does not block. Constants are the `socket` module's.

        Raises OSError for what the node has not: EAFNOSUPPORT, EPROTONOSUPPORT.
        """
        table = self._socket_table()
        made = Socket(table, family, type, proto)
        table.end(made.fileno()).blocking = False
        return made

    def _socket_table(self: Any) -> SocketTable:
        if self._sockets is None:
            self._sockets = SocketTable(self, self.network.resolve, self.network.name_of)
        table: SocketTable = self._sockets
        return table

    def spawn(
        self: Any,
        program: Callable[..., Any] | str | Path,
        *args: Any,
        stdin: str = "",
        name: str = "",
        environment: dict[str, str] | None = None,
        folder: str = "",
    ) -> Process:
        """Start a program on this node: a function, a coroutine function, or a Python file. It runs when time does:
        `net.run()`; then `.result()`, `.exit_code`, `.stdout` tell.
        """
        from sim.userland.install import install
        from sim.userland.process import Process

        install()
        if self._origins is None:
            self._origins = WeakKeyDictionary()
        self._programs = [process for process in self._programs if not process.done]
        self._started += 1
        process = Process(
            self,
            self._socket_table(),
            self.network.scheduler,
            program,
            args,
            number=self._started,
            seed=str(self.network.seed),
            stdin=stdin,
            name=name,
            environment={**self.network.environment, **(environment or {})},
            folder=folder,
        )
        self._programs.append(process)
        return process

    @property
    def resolver(self) -> ResolverSettings:
        """Its name servers, and the names that it knows without them."""
        if self._resolver is None:
            self._resolver = ResolverSettings()
        return self._resolver

    @property
    def exposed(self) -> dict[str, Any]:
        """What its services let be seen from outside, by their names: a DNS server's cache."""
        if self._exposed is None:
            self._exposed = {}
        return self._exposed

    def serve(self: Any, program: Callable[..., Any] | str | Path, *args: Any, **named: Any) -> Process:
        """Start a program that belongs to the machine, as `spawn` does: it starts anew whenever that is switched on."""

        def start() -> Process:
            process: Process = self.spawn(program, *args, **named)
            return process

        self._services = (*self._services, start)
        process = start()
        self.services = (*self.services, process)
        return process

    def add_daemon(self: Any, daemon: Daemon) -> None:
        """Let a daemon run, from this instant on, whenever the machine is on."""
        self.daemons = (*self.daemons, daemon)
        self.engine.at(self.engine.now, daemon.start)

    def interrupt_programs(self) -> bool:
        """Send Ctrl-C to all programs that run here; whether there are any."""
        running = [process for process in self._programs if not process.done]
        for process in running:
            process.interrupt()
        return bool(running)

    def end_programs(self) -> None:
        """Kill all programs that run here."""
        for process in self._programs:
            process.kill()

    def set_power(self: Any, on: bool) -> None:
        """Switch it on or off. What runs on it ends as it does in a power cut; switched on, its services run again."""
        if not on:
            for daemon in self.daemons:
                daemon.cut()
            for process in self._programs:
                process.cut()
            self._programs = []
            if self._sockets is not None:
                self._sockets.scratch.erase()
            self._sockets = None
        super().set_power(on)  # type: ignore[misc]
        if on:
            for daemon in self.daemons:
                daemon.start()
            self.services = tuple(start() for start in self._services)

    def originate(self: Any, text: str) -> int:
        number: int = super().originate(text)  # type: ignore[misc]
        if self._origins is not None and self.journal.recording:
            process = _running_process()
            if process is not None:
                self._origins.setdefault(process, []).append(number)
        return number

    def origins_of(self, process: Process) -> list[int]:
        """The journeys that a program of this node has begun (their ids); not those it continued with an answer."""
        return [] if self._origins is None else self._origins.get(process, [])

    def run(self: Any, program: Callable[..., Any] | str | Path, *args: Any, **named: Any) -> Any:
        """Run a program on this node to its end, and return what it returns. Raises what it raises."""
        process = self.spawn(program, *args, **named)
        process.on_exit.append(self.engine.stop)
        self.network.run_until(lambda: process.done)
        return process.result()

    def attach(self: Any, tap: Tap) -> None:
        """Sniff: call `tap(time_ns, port, bytes)` for each frame that leaves or reaches a port of this node.

        It is not the business of a program that sends one, whose output and randomness `tap` does not touch.
        """
        from sim.userland.tasks import outside

        own = outside(tap)
        for port in self.ports:
            port.taps = (*port.taps, own)


def _running_process() -> Process | None:
    """Whose program asks."""
    from sim.userland.process import ProcessContext
    from sim.userland.tasks import current

    task = current()
    context = None if task is None else task.context
    return context.process if isinstance(context, ProcessContext) else None


class LabHost(Tools, Host):
    """A host of a network."""


class LabRouter(Tools, Router):
    """A router of a network."""


class Probe(Receiver):
    """A bare port for tests: what arrives is kept, what is injected leaves as it is."""

    def __init__(self, engine: Engine, name: str, mac: bytes, recorder: Recorder, kind: str = "probe") -> None:
        self.engine = engine
        self.name = name
        self.kind = kind
        self.frames: list[tuple[int, bytes]] = []
        node = recorder.add_node(name, kind)
        self.node = node
        self.ports = [Port(engine, self, "eth0", mac, recorder.add_port(node, "eth0"), 0)]

    def __repr__(self) -> str:
        return f"<probe {self.name}>"

    def receive(self, port: Port, frame: bytes) -> None:
        self.frames.append((self.engine.now, frame))

    def inject(self, frame: bytes | Packet, at: int | str | None = None) -> None:
        """Send bytes or a Scapy packet as they are, now or at a time (ns, or text such as "5ms").

        Raises ValueError for an empty frame or a time that has passed.
        """
        data = bytes(frame)
        if not data:
            raise ValueError("a frame has at least one byte")
        self.engine.at(self.engine.now if at is None else duration(at), lambda: self._send(data))

    def attach(self, tap: Tap) -> None:
        """Sniff on the probe's port."""
        port = self.ports[0]
        port.taps = (*port.taps, tap)

    def set_power(self, on: bool) -> None:
        """A probe has nothing to forget."""

    def counters(self) -> dict[str, int]:
        """How many frames it sent and received."""
        channel = self.ports[0].channel
        return {"sent": 0 if channel is None else channel.frames, "received": len(self.frames)}

    def drops(self) -> dict[str, int]:
        """How many frames were lost on leaving here, by reason."""
        channel = self.ports[0].channel
        return {} if channel is None else dict(channel.drops or {})

    def _send(self, data: bytes) -> None:
        self.engine.cause = 0
        self.ports[0].send(data)
