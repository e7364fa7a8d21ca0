"""Two networks with a gateway between them, 10 ms away, bridged: what the tests of the bridge look at.

pc - gw - sw - web, ns
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sim.bridge.session import Bridge, Settings
from sim.lab.nodes import LabHost

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds after which something hangs."""

OFFICE = """
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.2/24, gateway: 10.0.0.1, dns: 10.0.1.53}
  gw: {kind: router, interfaces: {lan: 10.0.0.1/24, dmz: 10.0.1.1/24}}
  sw: {kind: switch}
  web:
    kind: host
    ip: 10.0.1.80/24
    gateway: 10.0.1.1
    services:
      - http:
          body: "it works\\n"
          routes: {/large: {bytes: 2MB}, /form: {echo: true}}
          hosts: {api.corp.test: {body: api}}
      - https: {body: "a secret\\n", names: [web.corp.test]}
      - echo
      - discard
  ns:
    kind: dns
    ip: 10.0.1.53/24
    gateway: 10.0.1.1
    records: {web.corp.test: 10.0.1.80, api.corp.test: {CNAME: web.corp.test}, corp.test: {NS: ns.corp.test}}
links:
  - {endpoints: [pc, "gw:lan"], delay: 10ms}
  - ["gw:dmz", sw]
  - [web, sw]
  - [ns, sw]
"""

PAIR = """
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.1/24}
  server: {kind: host, ip: 10.0.0.2/24, services: [echo]}
links: [{endpoints: [pc, server], delay: 100us}]
"""


def open_bridge(folder: Path, text: str = OFFICE, speed: float = 1.0, **settings: Any) -> Bridge:
    """The bridge of a topology, which does not run yet."""
    path = folder / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    return Bridge(path, Settings(**settings), speed=speed)


def connect(address: tuple[str, int], timeout: float = PATIENCE) -> socket.socket:
    """A real connection."""
    return socket.create_connection(address, timeout)


def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or what there is before the end."""
    data = bytearray()
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return bytes(data)


def was_reset(connection: socket.socket) -> bool:
    """Whether a reset comes, and no end of the stream."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


def wait(bridge: Bridge, condition: Callable[[], object]) -> None:
    """Wait until something of the network is true."""
    deadline = time.monotonic() + PATIENCE
    while not bridge.call(condition):
        assert time.monotonic() < deadline, "it does not come true"


def host(bridge: Bridge, name: str) -> LabHost:
    """A simulated host."""
    node = bridge.network[name]
    assert isinstance(node, LabHost)
    return node


def run_inside(bridge: Bridge, name: str, program: Callable[..., T], *arguments: Any) -> T:
    """Run a program on a simulated host, to its end; what it returns."""
    return start_inside(bridge, name, program, *arguments)()


def start_inside(bridge: Bridge, name: str, program: Callable[..., T], *arguments: Any) -> Callable[[], T]:
    """Start a program on a simulated host: a function that waits for its end, and returns what it returns."""
    ended = threading.Event()

    def start() -> Any:
        process = host(bridge, name).spawn(program, *arguments)
        process.on_exit.append(ended.set)
        return process

    process = bridge.call(start)

    def result() -> T:
        assert ended.wait(PATIENCE), "the program does not end"
        value: T = bridge.call(process.result)
        return value

    return result
