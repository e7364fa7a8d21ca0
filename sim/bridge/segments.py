"""Segments that go on outside: the doors of a topology's TAP devices and VXLAN tunnels.

    doors = open_doors(net, topology)
    Pacer(net.engine).run(doors=doors)               # then close() each of them

The same by hand, where the network is not from a file:

    door = attach_tap(net, "kernel", Tap.open("tap0", netns="lab"))     # `ip netns add lab` was done before
    net.link(door.node, sw1)                         # then: ip -n lab address add 10.0.0.9/24 dev tap0, and set it up

A door moves bytes and nothing else: what is in a datagram, and for whom it is, `sim/lab/vxlan.py` knows.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Final, Protocol

from sim.bridge.realtime import Door
from sim.bridge.tap import BATCH, Tap, TapError, run_in_namespace
from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.outlets import TapOutlet
from sim.lab.vxlan import Address, VxlanOutlet

IP_MTU_DISCOVER: Final = 10  # <linux/in.h>; Python's socket has no names for these two
IP_PMTUDISC_DO: Final = 2
LARGEST_DATAGRAM: Final = 65_535
BUFFER: Final = 4 << 20
"""Bytes asked for on both sides of a socket: a window of TCP that comes at once. The system may give less."""


class Written(Protocol):
    """What is asked of a topology: the error that points at a place in its file."""

    def error(self, path: tuple[str | int, ...], message: str, hint: str | None = None) -> TopologyError: ...


class TapDoor:
    """The door of a node whose frames go to, and come from, a TAP device."""

    def __init__(self, node: TapOutlet, tap: Tap) -> None:
        self.node = node
        self.tap = tap
        port = node.ports[0]
        port.mac = tap.mac
        node.transport = self._write
        node.on_carrier = tap.set_carrier
        if port.channel is not None and not port.up:  # a cable that is out, not one that is still to come
            tap.set_carrier(False)

    def fileno(self) -> int:
        return self.tap.fileno()

    def readable(self) -> None:
        """Bring in what the kernel has sent, up to `BATCH` frames. Raises TapError."""
        for _ in range(BATCH):
            frame = self.tap.read()
            if frame is None:
                return
            self.node.bring(frame)

    def close(self) -> None:
        """Give the device back; the node's frames end there again."""
        self.node.transport = self.node.on_carrier = None
        self.tap.close()

    def _write(self, frame: bytes) -> str | None:
        try:
            self.tap.write(frame)
        except OSError as error:
            return "TAP interface down" if error.errno == errno.EIO else f"TAP: {_words(error)}"
        return None


class VxlanDoor:
    """The door of the end of a tunnel: a UDP socket."""

    def __init__(self, node: VxlanOutlet, opened: socket.socket) -> None:
        self.node = node
        self._socket = opened
        node.send = self._send

    @classmethod
    def open(cls, node: VxlanOutlet) -> VxlanDoor:
        """Open the socket at the node's local address, in its namespace. Raises OSError, TapError."""

        def bound() -> socket.socket:
            return _bound(node.local)

        return cls(node, bound() if node.netns is None else run_in_namespace(node.netns, bound))

    def fileno(self) -> int:
        return self._socket.fileno()

    def readable(self) -> None:
        """Bring in what others have sent, up to `BATCH` datagrams."""
        for _ in range(BATCH):
            try:
                datagram, sender = self._socket.recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:  # of something sent before: nobody listens there, the way is gone
                self.node.refuse(f"VXLAN: {_words(error)}")
            else:
                self.node.take(datagram, (sender[0], sender[1]))

    def close(self) -> None:
        """Close the socket; the node's frames end there again."""
        self.node.send = None
        self._socket.close()

    def _send(self, datagram: bytes, to: Address) -> str | None:
        try:
            self._socket.sendto(datagram, to)
        except BlockingIOError:
            return "VXLAN: socket full"
        except OSError as error:
            return f"VXLAN: {_words(error)}"
        return None


def attach_tap(net: Network, name: str, tap: Tap) -> TapDoor:
    """Add a node called `name` that leads to `tap`; link the door's `node`, and give the door to a Pacer."""
    return TapDoor(net.add(TapOutlet(net, name, tap.name)), tap)


def open_doors(net: Network, topology: Written | None = None) -> list[Door]:
    """Open the TAP devices and VXLAN sockets of a network's nodes; the doors in the order of the nodes.

    All or none: when one cannot be opened, those before it are closed, and TopologyError says why, at its place in the
    topology's file. Devices and sockets are as `Tap.open` and the nodes say; they take root where namespaces do.
    """
    doors: list[Door] = []
    try:
        for name, node in net.nodes.items():
            try:
                door = _door(node)
            except (TapError, OSError) as error:
                raise _blame(topology, name, node, error) from None
            doors += [] if door is None else [door]
    except BaseException:
        for door in doors:
            door.close()
        raise
    return doors


def _door(node: object) -> Door | None:
    """The door that a node needs, None for one that is not of the outside. Raises TapError, OSError."""
    if isinstance(node, TapOutlet):
        return TapDoor(node, Tap.open(node.device, node.netns))
    return VxlanDoor.open(node) if isinstance(node, VxlanOutlet) else None


def _blame(topology: Written | None, name: str, node: object, error: TapError | OSError) -> TopologyError:
    """The error as one of the node."""
    key, message = "device", str(error)
    if isinstance(node, VxlanOutlet):
        key = "local"
        what = _words(error) if isinstance(error, OSError) else str(error)
        message = f"cannot open UDP {node.local[0]}:{node.local[1]}: {what}"
    if topology is None:
        return TopologyError(f"{name}: {message}")
    return topology.error(("nodes", name, key), message)


def _bound(local: Address) -> socket.socket:
    """A UDP socket at an address. Raises OSError."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            opened.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        if sys.platform == "linux":
            # RFC 7348 4.3: a VTEP must not fragment. What is too long for the way is refused, with that reason.
            opened.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        opened.bind(local)
    except BaseException:
        opened.close()
        raise
    return opened


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
