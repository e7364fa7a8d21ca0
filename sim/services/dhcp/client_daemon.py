"""A DHCP client on a host's or a router's interface: sends what `client.py` says, and configures the interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.errors import WireError
from sim.services.dhcp.client import (
    BOUND,
    REBINDING,
    RENEWING,
    STOPPED,
    Action,
    Bind,
    Check,
    Client,
    Note,
    Send,
    Unbind,
)
from sim.services.dhcp.lease import NEVER, Lease
from sim.services.dhcp.packets import datagram
from sim.units import format_duration
from sim.userland.machine import AddressCheck, Interface, LinkSocket, Machine, Route, Timer
from sim.userland.resolver_settings import ResolverSettings
from sim.wire import dhcpv4, ipv4, udp
from sim.wire.addresses import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, format_ip, format_mac

SMALLEST_MTU: Final = 576
"""An MTU below it is a mistake or an attack, as dhclient sees it."""


class ClientDaemon:
    """Keeps an interface's address leased from the time that the machine is switched on.

    `settled` tells whether it is bound, or has failed for the first time; `watchers` are called whenever something has
    changed. `roots` are the journeys that it began, `bound_by` the one that brought the address, `declined` what it
    said of addresses that others use. `name_of` tells whose MAC address one is.
    """

    def __init__(
        self,
        machine: Machine,
        interface: Interface,
        resolver: ResolverSettings,
        draw: Callable[[], float],
        *,
        broadcast: bool = False,
        name_of: Callable[[bytes], str] = format_mac,
    ) -> None:
        self.machine = machine
        self.interface = interface
        self.client = Client(interface.mac, draw, host_name=machine.name, broadcast=broadcast)
        self.settled = False
        self.watchers: list[Callable[[], None]] = []
        self.roots: list[int] = []
        self.declined: list[str] = []
        self.bound_by: int | None = None
        self._resolver = resolver
        self._own_servers = list(resolver.servers)
        self._own_search = list(resolver.search)
        self._own_mtu = interface.mtu
        self._draw = draw
        self._name_of = name_of
        self._running = False
        self._check: AddressCheck | None = None
        self._routes: list[Route] = []
        self._socket: LinkSocket | None = None
        self._timer: Timer = machine.engine.timer(self._handle_timer)
        self._quiet_timer: Timer = machine.engine.timer(self._handle_timer, background=True)

    @property
    def lease(self) -> Lease | None:
        """The lease that is used."""
        return self.client.lease

    @property
    def bound(self) -> bool:
        """Whether there is a lease that may be used."""
        return self.client.lease is not None and self.client.state in (BOUND, RENEWING, REBINDING)

    # -- what the machine and its user want

    def start(self) -> None:
        """The machine is on: ask for a lease, now or when the cable is in."""
        self._running = True
        self._socket = self.machine.stack.links.open(self.interface, dhcpv4.CLIENT_PORT, self._receive)
        self.interface.on_carrier = lambda: self.machine.engine.soon(self._follow_carrier)
        self._own_mtu = self.interface.mtu
        self._follow_carrier()

    def cut(self) -> None:
        """The power is off: everything is forgotten, and nobody told."""
        self._running = False
        self.interface.on_carrier = None
        if self._socket is not None:
            self.machine.stack.links.close(self._socket)
        lease = self.client.lease
        self._stop_check()
        if lease is not None:
            self._remove(lease)
        self.client.forget()
        self._set_timer()
        self._tell()

    def renew(self) -> None:
        """Extend the lease now; ask for one, if there is none."""
        self._do(self.client.renew(self._now), begin=True)

    def release(self) -> None:
        """Give the lease back, and ask for none until `acquire`."""
        self._stop_check()
        self._do(self.client.release(self._now), begin=True)

    def acquire(self) -> None:
        """Ask for a lease, unless there is one, or it is being asked for."""
        if self.client.state == STOPPED and self.interface.up:
            self._do(self.client.start(self._now), begin=True)

    # -- what happens

    @property
    def _now(self) -> int:
        return int(self.machine.engine.now)

    def _follow_carrier(self) -> None:
        """The cable went in or out. It may be in another network now: is the lease still good (RFC 2131 3.7)?"""
        if not self._running:
            return
        if self.interface.up:
            self._do(self.client.start(self._now), begin=True)
        else:
            self._stop_check()
            self.client.stop()
            self._do([], begin=False)

    def _handle_timer(self) -> None:
        self._do(self.client.handle_timer(self._now), begin=True)

    def _receive(self, interface: Interface, packet: ipv4.Packet, segment: udp.Datagram) -> None:
        try:
            message = dhcpv4.parse(segment.payload)
        except WireError:
            self.machine.stack.core.drop("malformed DHCP")
            return
        self._do(self.client.receive(message, self._now), begin=False)

    def _checked(self, mac: bytes) -> None:
        """It is known whether somebody uses the address that was acknowledged: `mac`, or b""."""
        if mac:
            self._do(self.client.handle_conflict(self._name_of(mac), self._now), begin=False)
        else:
            self._do(self.client.handle_free(self._now), begin=False)

    # -- what is done

    def _do(self, actions: list[Action], *, begin: bool) -> None:
        """Do what the client says; with `begin` nothing on the wire has caused it: it begins a journey."""
        for action in actions:
            match action:
                case Send():
                    if begin:
                        self.roots.append(self.machine.originate(action.message.summary()))
                    self._send(action)
                case Check():
                    self._stop_check()
                    table = self.machine.stack.neighbours(self.interface)
                    self._check = AddressCheck(table, action.address, self._draw, self._checked)
                    self._check.start()
                case Bind():
                    self._configure(action.lease)
                case Unbind():
                    self._remove(action.lease)
                    self._note(f"gives {format_ip(action.lease.address)} up: {action.reason}")
                case Note():
                    self.declined.append(action.text)
                    self._note(action.text)
        self.settled = self.settled or self.bound or self.client.error is not None
        self._set_timer()
        self._tell()

    def _send(self, action: Send) -> None:
        stack = self.machine.stack
        message = action.message
        source = message.ciaddr
        destination = IPV4_BROADCAST if action.server is None else action.server
        ports = (dhcpv4.CLIENT_PORT, dhcpv4.SERVER_PORT)
        packet = datagram(self.machine, source, destination, ports, dhcpv4.emit(message))
        try:
            if action.server is None:
                stack.send_on_link(self.interface, packet, MAC_BROADCAST)
            else:
                stack.send(packet)
        except OSError as error:
            stack.core.drop((error.strerror or str(error)).lower())

    def _configure(self, lease: Lease) -> None:
        stack, interface = self.machine.stack, self.interface
        self._resolver.servers = self._own_servers or [format_ip(server) for server in lease.dns]
        self._resolver.search = self._own_search or list(lease.search)
        if lease.mtu is not None and lease.mtu >= SMALLEST_MTU:
            interface.mtu = min(lease.mtu, self._own_mtu)
        new = (lease.address, lease.length) not in interface.addresses
        if new:
            self.bound_by = self.roots[-1] if self.roots else None
            stack.add_address(interface, lease.address, lease.length)
            stack.neighbours(interface).surrender[lease.address] = self._checked
        self._follow_routes(lease)
        time = "ever" if lease.expires_at == NEVER else format_duration(lease.expires_at - lease.obtained)
        what = "uses" if new else "keeps"
        self._note(f"{what} {format_ip(lease.address)}/{lease.length} for {time}, says {format_ip(lease.server)}")
        if new and self._check is not None:
            self._check.announce()

    def _follow_routes(self, lease: Lease) -> None:
        """The routes of a lease in place of those of the one before."""
        stack = self.machine.stack
        wanted = [(network, length, None if router == IPV4_ANY else router) for network, length, router in lease.routes]
        for route in self._routes:
            stack.routes.discard(route)
        self._routes = [
            stack.add_route(network, length, next_hop, self.interface) for network, length, next_hop in wanted
        ]

    def _remove(self, lease: Lease) -> None:
        stack = self.machine.stack
        for route in self._routes:
            stack.routes.discard(route)
        self._routes = []
        if self._check is not None and self._check.address == lease.address:
            self._stop_check()
        stack.neighbours(self.interface).surrender.pop(lease.address, None)
        if (lease.address, lease.length) in self.interface.addresses:
            stack.remove_address(self.interface, lease.address)
        self._resolver.servers, self._resolver.search = list(self._own_servers), list(self._own_search)
        self.interface.mtu = self._own_mtu

    def _stop_check(self) -> None:
        if self._check is not None:
            self._check.stop()
            self._check = None

    def _note(self, text: str) -> None:
        self.machine.stack.core.tell(text)

    def _set_timer(self) -> None:
        """Until it has settled the run waits for it; what is never over keeps no run going."""
        deadline = self.client.deadline
        timer, other = (self._quiet_timer, self._timer) if self.settled else (self._timer, self._quiet_timer)
        other.cancel()
        if deadline is None:
            timer.cancel()
        else:
            timer.set(max(deadline, self._now))

    def _tell(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()
