"""The end of a VXLAN tunnel (RFC 7348), without its socket: frames to datagrams and back.

1. A datagram comes in: is it from a remote, whole, and of our network? Otherwise it is counted by reason, and gone.
2. Remember that the frame's source is behind the remote that sent it (4.1), and send the frame into the network.
3. A frame goes out: to the remote behind which its destination is; to all of them if that is not known, or a group
   (head-end replication, in place of the multicast group of 4.2). Never to one remote what another has sent: each has
   told all the others by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sim.errors import TopologyError, WireError
from sim.lab.network import Network
from sim.lab.outlets import Outlet
from sim.units import SECOND
from sim.wire import vxlan

Address = tuple[str, int]
"""An IPv4 address as text, and a UDP port."""

AGEING: Final = 300 * SECOND
"""How long (ns) an address is remembered that is not heard any more: as in a switch, and in Linux's `vxlan`."""

TABLE_SIZE: Final = 8192
SHORTEST_FRAME: Final = 14  # an Ethernet header

Send = Callable[[bytes, Address], str | None]
"""Sends a datagram to an address; returns why it could not, None when it could."""


class VxlanOutlet(Outlet):
    """The end at `local` of the network `vni`, whose other ends are `remotes`.

    `send` is set by who opens the socket, and `take` is called with each datagram that comes in and its sender.
    """

    def __init__(
        self,
        net: Network,
        name: str,
        vni: int,
        local: Address,
        remotes: Sequence[Address],
        netns: str | None = None,
    ) -> None:
        if not 0 <= vni <= vxlan.HIGHEST_VNI:
            raise TopologyError(f"{name}: a VNI is 0 to {vxlan.HIGHEST_VNI}, not {vni}")
        super().__init__(net, name, "vxlan")
        self.vni = vni
        self.local = local
        self.remotes = list(remotes)
        self.netns = netns
        self._send_datagram: Send | None = None
        self._behind: dict[bytes, tuple[Address, int]] = {}
        # A sender is known by its address and port, or by its address alone if only one remote has that: Linux sends
        # from a port that is made of the flow (RFC 7348 5).
        hosts = [host for host, _ in self.remotes]
        self._by_host = {host: (host, port) for host, port in self.remotes if hosts.count(host) == 1}
        self._hosts = frozenset(hosts)
        self._ends = frozenset(self.remotes)
        self._swept = -SECOND

    @property
    def send(self) -> Send | None:
        """Where datagrams go; None while there is no socket."""
        return self._send_datagram

    @send.setter
    def send(self, send: Send | None) -> None:
        self._send_datagram = send
        self.transport = None if send is None else self._encapsulate

    def take(self, datagram: bytes, sender: Address) -> None:
        """A datagram has come in: if it holds a frame of this network, the frame goes on, now."""
        if sender[0] not in self._hosts:
            self.refuse("VXLAN: from no remote")
            return
        try:
            packet = vxlan.parse(datagram)
        except WireError:
            self.refuse("VXLAN: bad header")
            return
        frame = packet.payload
        if packet.vni != self.vni:
            self.refuse("VXLAN: another VNI")
        elif len(frame) < SHORTEST_FRAME:
            self.refuse("VXLAN: no frame in it")
        else:
            self._learn(frame[6:12], sender)
            self.bring(frame)

    def table(self) -> dict[bytes, Address]:
        """Behind which remote an address is, as far as it was heard of within `AGEING`."""
        oldest = self.engine.now - AGEING
        return {mac: remote for mac, (remote, heard) in self._behind.items() if heard >= oldest}

    def set_power(self, on: bool) -> None:
        """Switched off, it forgets what it has learned."""
        if not on:
            self._behind.clear()

    def _learn(self, source: bytes, sender: Address) -> None:
        remote = sender if sender in self._ends else self._by_host.get(sender[0])
        if remote is None or source[0] & 1:  # one of several on that machine; or no address of a sender
            return
        if source not in self._behind and len(self._behind) >= TABLE_SIZE:
            self._make_room()
            if len(self._behind) >= TABLE_SIZE:
                return  # as a switch whose table is full: its frames are flooded
        self._behind[source] = (remote, int(self.engine.now))

    def _make_room(self) -> None:
        """Forget what is too old, not more often than once a second: a flood of addresses is not to cost much."""
        now = int(self.engine.now)
        if now >= self._swept + SECOND:
            self._swept = now
            self._behind = {mac: entry for mac, entry in self._behind.items() if entry[1] >= now - AGEING}

    def _remotes_for(self, destination: bytes) -> list[Address]:
        known = self._behind.get(destination)
        if known is None or known[1] < self.engine.now - AGEING:
            return self.remotes
        return [known[0]]

    def _encapsulate(self, frame: bytes) -> str | None:
        """Send a frame to whom it may concern; why it reached none of them, or not all."""
        assert self._send_datagram is not None
        self._forget_moved(frame[6:12])
        datagram = vxlan.emit(vxlan.Packet(self.vni, frame))
        reason: str | None = None
        for remote in self._remotes_for(frame[:6]):
            reason = self._send_datagram(datagram, remote) or reason
        return reason

    def _forget_moved(self, source: bytes) -> None:
        """Who sends from this side is no longer behind a remote."""
        self._behind.pop(source, None)
