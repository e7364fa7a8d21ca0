"""The oracle: drill scripts against the kernel of this machine, in real time, many at once.

Each script has a network namespace of its own with one TAP device. The peer sits on the file descriptor of the device,
the program's sockets are real ones made inside the namespace. Needs Linux and root.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import selectors
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Final

from sim.bridge.tap import Tap, run_in_namespace
from tests.drill.calls import POLL_BITS, Program
from tests.drill.peer import HOST, PEER, PEER_MAC, DepartureError, Peer
from tests.drill.runner import Play, Wait
from tests.drill.script import Script

BATCH: Final = 40  # scripts that run at the same time
TRIES: Final = 3
NUMBERS: Final = itertools.count(1)
EARLY: Final = 6_000_000  # ns: a jiffy of 4 ms, and rounding
LATE: Final = 20_000_000
WHEEL: Final = 20_000_000  # ns more for what a timer sends
SYSCTLS: Final = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv4/tcp_rmem": "4096 131072 15728640",
    "ipv4/tcp_syn_linear_timeouts": "0",
    "ipv4/tcp_no_metrics_save": "1",
    "ipv4/ip_local_port_range": "49152 65535",
}


def why_not() -> str | None:
    """What is missing here, None when nothing is."""
    if sys.platform != "linux":
        return f"the oracle is the kernel of Linux, this is {sys.platform}"
    if os.geteuid() != 0:
        return "a network namespace takes root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    return None if shutil.which("ip") else "ip (iproute2) is not installed"


class KernelStage:
    """A namespace with the kernel as the host under test."""

    def __init__(self, script: Script) -> None:
        self.netns = f"drill-{os.getpid()}-{next(NUMBERS)}"
        self.arrived: deque[tuple[int, bytes]] = deque()
        self._start = 0
        ip(f"netns add {self.netns}")
        try:
            run_in_namespace(self.netns, lambda: _set_sysctls(script))
            self.tap = Tap.open("tap0", self.netns)
            self._configure(script)
        except BaseException:
            ip(f"netns delete {self.netns}")
            raise
        self.peer = Peer(self.tap.mac, script.isn)
        self.program = Program(self._socket, _poll, lambda number: self.peer.side(number).forget(), 2 * LATE // 1000)

    def _configure(self, script: Script) -> None:
        mac = PEER_MAC.hex(":")
        commands = [
            f"address add {socket.inet_ntoa(HOST)}/24 dev tap0",
            f"link set tap0 mtu {script.mtu} gso_max_segs 1 up",  # what leaves is what TCP sent, segment by segment
            f"neighbour add {socket.inet_ntoa(PEER)} lladdr {mac} dev tap0 nud permanent",
        ]
        command = ["ip", "-n", self.netns, "-batch", "-"]
        subprocess.run(command, input="\n".join(commands), text=True, check=True, capture_output=True)

    def _socket(self) -> socket.socket:
        made = run_in_namespace(self.netns, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")  # Linux's, whatever this machine is set to
        return made

    def start(self) -> None:
        self._start = time.monotonic_ns()

    def now(self) -> int:
        return time.monotonic_ns() - self._start

    def send(self, frame: bytes) -> None:
        self.tap.write(frame)

    def early(self, after: int) -> int:
        return EARLY

    def late(self, after: int) -> int:
        """The kernel's timers may be an eighth late, by the wheel they hang on, and it measures real RTTs."""
        return LATE + (WHEEL + after // 6 if after > 0 else 0)

    def settle(self) -> None:
        """Take in what the kernel has sent: it answers a frame or a call before that returns."""
        while (frame := self.tap.read()) is not None:
            self.arrived.append((self.now(), frame))

    def close(self) -> None:
        self.program.close_all()
        self.tap.close()
        ip(f"netns delete {self.netns}")


class Actor:
    """One script on its stage, and what its play waits for."""

    def __init__(self, script: Script, kind: type[Play] = Play) -> None:
        self.stage = KernelStage(script)
        self.play = kind(script, self.stage)
        self.failure: str | None = None
        self.wait: Wait | None = Wait(0, frames=False)
        self._steps: Generator[Wait, None, None] = self.play.run()

    def advance(self) -> None:
        """Go on with the play for as long as it has what it waits for."""
        self.stage.settle()
        while self.wait is not None and (
            self.stage.now() >= self.wait.until or (self.wait.frames and self.stage.arrived)
        ):
            try:
                self.wait = next(self._steps)
            except StopIteration:
                self.wait = None
            except (DepartureError, ValueError) as failure:
                self.failure = str(failure)
                self.wait = None
            self.stage.settle()


def run_all(scripts: Iterable[Script]) -> dict[Path, str | None]:
    """Run scripts, `BATCH` at a time; for each the story of its failure, None when it passed.

    What fails is tried again, `TRIES` times in all: a busy machine can be late, which is not the kernel's doing.
    """
    results: dict[Path, str | None] = {}
    remaining = list(scripts)
    for _ in range(TRIES):
        for start in range(0, len(remaining), BATCH):
            results |= _run_batch(remaining[start : start + BATCH])
        remaining = [script for script in remaining if results[script.path]]
    return results


def _run_batch(scripts: list[Script]) -> dict[Path, str | None]:
    with contextlib.ExitStack() as cleanup:
        actors = []
        for script in scripts:
            actors.append(Actor(script))
            cleanup.callback(actors[-1].stage.close)
        perform(actors)
        return {actor.play.script.path: actor.failure for actor in actors}


def perform(actors: list[Actor]) -> None:
    """Let them all play, at the same time, to the end."""
    selector = selectors.DefaultSelector()
    for actor in actors:
        selector.register(actor.stage.tap, selectors.EVENT_READ, actor)
        actor.stage.start()
    while waiting := [actor for actor in actors if actor.wait is not None]:
        for actor in waiting:
            actor.advance()
        pause = min((w.until - a.stage.now() for a in waiting if (w := a.wait) is not None), default=0)
        for key, _ in selector.select(max(pause, 0) / 1e9):
            key.data.stage.settle()
    selector.close()


def _poll(it: Any) -> int:
    poll = select.poll()
    poll.register(it, sum(POLL_BITS.values()))
    return sum(bits for _, bits in poll.poll(0))


def _set_sysctls(script: Script) -> None:
    settings = SYSCTLS | {f"ipv4/{name}": value for name, value in script.sysctls.items()}
    for name, value in settings.items():
        Path("/proc/sys/net", name).write_text(value, encoding="ascii")


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)
