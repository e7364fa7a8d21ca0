"""A DHCP server on a host or a router: hears port 67 on every interface, and sends what `server.py` says."""

from __future__ import annotations

from typing import Final

from sim.errors import WireError
from sim.services.dhcp.packets import close_sockets, datagram, open_sockets
from sim.services.dhcp.pool import Binding
from sim.services.dhcp.replies import Reply
from sim.services.dhcp.server import Action, Arrival, Note, Probe, Refuse, Server
from sim.userland.machine import Interface, LinkSocket, Machine
from sim.wire import dhcpv4, icmpv4, ipv4, udp

PING_WAIT: Final = 1_000_000_000
"""How long (ns) an address may take to answer before it is free (ISC dhcpd's ping-timeout)."""


class ServerDaemon:
    """Serves from the time that the machine is switched on."""

    def __init__(self, machine: Machine, server: Server) -> None:
        self.machine = machine
        self.server = server
        self._sockets: list[LinkSocket] = []
        self._era = 0  # which power-on it is: pings of an earlier one are forgotten

    def start(self) -> None:
        """The machine is on."""
        self._sockets = open_sockets(self.machine, self._receive)

    def cut(self) -> None:
        """The power is off."""
        close_sockets(self.machine, self._sockets)
        self._era += 1
        self.server.forget()

    def leases(self) -> list[Binding]:
        """The leases that run."""
        return self.server.leases(self._now)

    @property
    def _now(self) -> int:
        return int(self.machine.engine.now)

    def _receive(self, interface: Interface, packet: ipv4.Packet, segment: udp.Datagram) -> None:
        core = self.machine.stack.core
        try:
            message = dhcpv4.parse(segment.payload)
        except WireError:
            core.drop("malformed DHCP")
            return
        own = [address for address, _ in interface.addresses]
        unicast = self.machine.stack.is_local(packet.destination)
        if not own and not unicast:
            core.drop("no address to serve DHCP from")
            return
        arrival = Arrival(packet.destination if unicast else self._serving(own), unicast)
        self._do(self.server.receive(message, arrival, self._now), interface)

    def _serving(self, own: list[bytes]) -> bytes:
        """Of an interface's addresses the first whose subnet has a pool."""
        subnets = [pool.subnet for pool in self.server.pools]
        served = [one for one in own if any(int.from_bytes(one, "big") in subnet for subnet in subnets)]
        return (served or own)[0]

    def _do(self, actions: list[Action], interface: Interface) -> None:
        core = self.machine.stack.core
        for action in actions:
            match action:
                case Reply():
                    self._send(action, interface)
                case Probe():
                    self._probe(action, interface)
                case Refuse():
                    core.drop(action.reason)
                case Note():
                    core.tell(action.text)

    def _send(self, reply: Reply, interface: Interface) -> None:
        stack, to = self.machine.stack, reply.to
        source = reply.message.address(dhcpv4.SERVER_ID) or stack.source_for(to.address)
        ports = (dhcpv4.SERVER_PORT, to.port)
        try:
            packet = datagram(self.machine, source, to.address, ports, dhcpv4.emit(reply.message, reply.limit))
            if to.mac is None:
                stack.send(packet)
            else:
                stack.send_on_link(interface, packet, to.mac)
        except OSError as error:
            stack.core.drop((error.strerror or str(error)).lower())
        except ValueError as error:
            stack.core.drop(str(error))

    def _probe(self, probe: Probe, interface: Interface) -> None:
        """Ping an address; in a second it is known whether anybody is there. The offer goes on with the question's
        journey."""
        stack, engine = self.machine.stack, self.machine.engine
        cause, era = stack.core.cause, self._era

        def end(used: bool) -> None:
            timer.cancel()
            stack.icmp.close_echo(socket)
            if era == self._era:
                stack.enter(int(engine.now), cause)
                self._do(self.server.handle_probe(probe.ticket, used, self._now), interface)

        socket = stack.icmp.open_echo(lambda _packet, _message: end(used=True), lambda _error: None)
        timer = engine.timer(lambda: end(used=False))
        timer.set(self._now + PING_WAIT)
        request = icmpv4.emit(icmpv4.echo_request(socket.identifier, 1, b"is this address free?"))
        try:
            source = stack.source_for(probe.address)
            number = stack.next_identification()
            stack.send(ipv4.Packet(source, probe.address, ipv4.PROTOCOL_ICMP, request, identification=number))
        except OSError as error:
            stack.core.drop((error.strerror or str(error)).lower())
