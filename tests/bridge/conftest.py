"""A network namespace with a TAP device in it: the kernel of this machine as one node of a simulated network.

Nothing leaves the namespace but through the TAP device, and nothing of it is left when the test is over.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import pytest

from sim.bridge.realtime import Pacer
from sim.bridge.segments import attach_tap
from sim.bridge.tap import Tap, run_in_namespace
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter
from sim.services.ping import Ping
from sim.units import MILLISECOND, SECOND

T = TypeVar("T")
DEADLINE = 10 * SECOND  # of the wall clock: a tool that takes longer hangs
NUMBERS = itertools.count(1)


def why_not() -> str | None:
    """What is missing here for a TAP device in a namespace, None when nothing is."""
    if sys.platform != "linux":
        return f"TAP devices are a matter of Linux, this is {sys.platform}"
    if os.geteuid() != 0:
        return "a network namespace takes root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    return None if shutil.which("ip") else "ip (iproute2) is not installed"


class Process:
    """A process that runs in the namespace; the pacer stops when it ends."""

    def __init__(self, command: list[str], pacer: Pacer) -> None:
        self.pacer = pacer
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"LC_ALL": "C"},
        )
        self._descriptor = os.pidfd_open(self.popen.pid)

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> None:
        self.pacer.stop()

    def output(self) -> str:
        """Wait for its end, which the pacer has seen; return what it printed."""
        self.popen.wait(1)
        assert self.popen.stdout is not None
        return self.popen.stdout.read()

    def close(self) -> None:
        os.close(self._descriptor)
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        if self.popen.stdout is not None:
            self.popen.stdout.close()


class HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Watch:
    """A file or socket of the kernel's side; the pacer stops when it has something to read, an error included."""

    def __init__(self, descriptor: int, pacer: Pacer) -> None:
        self.pacer = pacer
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> None:
        self.pacer.stop()

    def close(self) -> None:
        """It belongs to the test."""


class Lab:
    """The namespace `netns` with 10.0.1.1/24 on `tap0`, and a network around the other end of it.

        kernel - sw1 - r1 - r2 - sw2 - h2        10.0.1.0/24, 10.0.12.0/30, 10.0.2.0/24
                  |
                  h1

    The routers have .254 on the subnets, the hosts .10.
    """

    def __init__(self, netns: str, tap: Tap) -> None:
        self.netns = netns
        self.tap = tap
        self.build()

    def build(
        self, *, middle_mtu: int = 0, speed: float = 1.0, record: bool = True, middle: Mapping[str, Any] | None = None
    ) -> None:
        """Build the network anew, with an MTU and other properties between the routers, and a speed."""
        net = self.net = Network(record=record)
        self.kernel = attach_tap(net, "kernel", self.tap)
        net.host("h1", "10.0.1.10/24", gateway="10.0.1.254")
        net.host("h2", "10.0.2.10/24", gateway="10.0.2.254")
        net.router("r1", {"a": "10.0.1.254/24", "b": "10.0.12.1/30"}, routes={"10.0.2.0/24": "10.0.12.2"})
        net.router("r2", {"a": "10.0.12.2/30", "b": "10.0.2.254/24"}, routes={"10.0.1.0/24": "10.0.12.1"})
        sw1, sw2 = net.switch("sw1"), net.switch("sw2")
        for a, b in ((self.kernel.node, sw1), ("h1", sw1), ("r1:a", sw1), ("r2:b", sw2), ("h2", sw2)):
            net.link(a, b, bandwidth="1Gbps", delay="10us")
        middle_link: dict[str, Any] = {"bandwidth": "1Gbps", "delay": "10us", "mtu": middle_mtu, **(middle or {})}
        net.link("r1:b", "r2:a", **middle_link)
        self.pacer = Pacer(net.engine, speed)

    def host(self, name: str) -> LabHost:
        host = self.net[name]
        assert isinstance(host, LabHost)
        return host

    def router(self, name: str) -> LabRouter:
        router = self.net[name]
        assert isinstance(router, LabRouter)
        return router

    def mac(self, port: str) -> str:
        """The MAC address of a port as text."""
        return self.net.port(port).mac.hex(":")

    def start(self, command: str) -> Process:
        """Start a command in the namespace; skips the test when it is not installed."""
        tool = command.split(maxsplit=1)[0]
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        return Process(["ip", "netns", "exec", self.netns, *command.split()], self.pacer)

    def run(self, command: str, deadline: int = DEADLINE) -> str:
        """Run a command in the namespace while the network runs in real time; what it printed, errors included."""
        process = self.start(command)
        try:
            self.pace(process, deadline)
            return process.output()
        finally:
            process.close()

    def pace(self, door: Process | Watch, deadline: int = DEADLINE) -> None:
        """Let real time pass until the door has stopped it. Raises AssertionError when it has not by `deadline` ns."""
        until = self.net.now + int(deadline * self.pacer.speed)
        self.pacer.run(until, [self.kernel, door])
        assert self.net.now < until, "nothing came back in time"
        self.net.run(until=self.net.now)

    def watch(self, file: HasDescriptor) -> Watch:
        """A door that stops the pacer when the kernel's side has something to read."""
        return Watch(file.fileno(), self.pacer)

    def pass_time(self, duration: int) -> None:
        """Let some virtual time pass (ns)."""
        self.pacer.run(self.net.now + duration, [self.kernel])

    def ping_from(self, host: str, destination: str = "10.0.1.1", size: int = 56) -> Ping:
        """Let a simulated host ping the kernel, once."""
        ping = Ping(self.host(host), self.net.resolve(destination), self.pacer.stop, size=size, timeout=5 * SECOND)
        ping.start()
        self.pacer.run(doors=[self.kernel])
        return ping

    def until(self, condition: Callable[[], object]) -> None:
        """Let real time pass until something is true. Raises AssertionError when it never becomes so."""
        deadline = self.net.now + DEADLINE
        while not condition():
            assert self.net.now < deadline, "it did not come true in time"
            self.pass_time(MILLISECOND)

    def inside(self, action: Callable[[], T]) -> T:
        """What `action()` returns, called inside the namespace."""
        return run_in_namespace(self.netns, action)

    def configure(self, command: str) -> str:
        """Run `ip` on the namespace, with no time passing in the network."""
        return ip(f"-n {self.netns} {command}")


def ip(arguments: str) -> str:
    return subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def netns() -> Iterator[str]:
    """A fresh network namespace."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    name = f"packetsim-{os.getpid()}-{next(NUMBERS)}"
    ip(f"netns add {name}")
    try:
        yield name
    finally:
        ip(f"netns delete {name}")


@pytest.fixture
def lab(netns: str) -> Iterator[Lab]:
    """The namespace, its TAP device with an address and a default route, and the network around it."""
    tap = Tap.open("tap0", netns)
    try:
        ip(f"-n {netns} address add 10.0.1.1/24 dev tap0")
        ip(f"-n {netns} link set tap0 up")
        ip(f"-n {netns} route add default via 10.0.1.254")
        yield Lab(netns, tap)
    finally:
        tap.close()
