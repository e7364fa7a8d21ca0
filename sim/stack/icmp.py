"""ICMP (RFC 792) as a host speaks it (RFC 1122 3.2.2): echo answered and awaited, errors sent and passed on."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.errors import WireError
from sim.stack.service import IcmpError, IpService, os_error
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import is_multicast_ip

QUOTE_LIMIT: Final = 576 - 20 - 8
"""Bytes of the offending packet that an error quotes: as many as fit into 576 (RFC 1812 4.3.2.3)."""
INTERNETWORK_CONTROL: Final = 0xC0  # the precedence of errors (RFC 1812 4.3.2.5)
TOS_MASK: Final = 0x1E
FIRST_GROUP: Final = 224  # from 224.0.0.0 on no address is one host's: classes D and E

ERROR_KINDS: Final = (
    icmpv4.DESTINATION_UNREACHABLE,
    icmpv4.SOURCE_QUENCH,
    icmpv4.REDIRECT,
    icmpv4.TIME_EXCEEDED,
    icmpv4.PARAMETER_PROBLEM,
)


class EchoSocket:
    """Someone who sends echo requests with one identifier and awaits the replies and the errors."""

    def __init__(
        self,
        identifier: int,
        on_reply: Callable[[ipv4.Packet, icmpv4.Message], None],
        on_error: Callable[[IcmpError], None],
    ) -> None:
        self.identifier = identifier
        self.on_reply = on_reply
        self.on_error = on_error


class Icmp:
    """ICMP of one stack."""

    def __init__(self, ip: IpService) -> None:
        self.ip = ip
        self._echo: dict[int, EchoSocket] = {}
        self._identifier: int = 0

    def open_echo(
        self,
        on_reply: Callable[[ipv4.Packet, icmpv4.Message], None],
        on_error: Callable[[IcmpError], None],
        identifier: int = 0,
    ) -> EchoSocket:
        """A socket for echo requests, with an identifier that nobody else here uses, nor did lately: a late reply must
        not be taken for another's. Raises OSError EAGAIN when all 65,535 are in use, EADDRINUSE when `identifier` is.
        """
        if identifier:
            if identifier in self._echo:
                raise os_error(errno.EADDRINUSE)
            socket = self._echo[identifier] = EchoSocket(identifier, on_reply, on_error)
            return socket
        for _ in range(0xFFFF):
            self._identifier = self._identifier % 0xFFFF + 1
            if self._identifier not in self._echo:
                socket = self._echo[self._identifier] = EchoSocket(self._identifier, on_reply, on_error)
                return socket
        raise os_error(errno.EAGAIN)

    def close_echo(self, socket: EchoSocket) -> None:
        """Await nothing any more."""
        self._echo.pop(socket.identifier, None)

    def receive(self, packet: ipv4.Packet, heard: bool = False) -> None:
        """Handle an ICMP message to us; `heard` says that a raw socket has got it as well."""
        core = self.ip.core
        try:
            message = icmpv4.parse(packet.payload)
        except WireError:
            core.drop("malformed ICMP")
            return
        if message.kind == icmpv4.ECHO_REQUEST:
            self._answer(packet, message)
        elif message.kind == icmpv4.ECHO_REPLY:
            socket = self._echo.get(message.identifier())
            if socket is None:
                if not heard:
                    core.note(kinds.IGNORE, "nobody awaits this echo reply")
                return
            core.note(kinds.DELIVER, "ICMP echo reply")
            socket.on_reply(packet, message)
        elif message.kind in ERROR_KINDS:
            self._receive_error(packet, message)
        elif not heard:
            core.drop("unknown ICMP type")

    def send_error(self, packet: bytes, kind: int, code: int, rest: int = 0, speaker: bytes | None = None) -> None:
        """Tell the source of `packet` (an IPv4 packet as it came) why it went no further, where that is allowed.

        `speaker` is the address to say it from, None: the one that is fitting.
        """
        try:
            offender = icmpv4.parse_quoted(packet)
        except WireError:
            return
        if not self._may_report(offender):
            return
        core = self.ip.core
        length = int.from_bytes(packet[2:4], "big")  # what lies behind is the padding of the frame
        message = icmpv4.Message(kind, code, rest, packet[: min(length, QUOTE_LIMIT)])
        if self.ip.is_local(offender.source):
            speaker = self._speaker(offender)
            if self.ip.is_overheard(ipv4.PROTOCOL_ICMP):
                self.ip.overhear(self._error_packet(speaker, offender, message))
            self.ip.handle_error(IcmpError(speaker, kind, code, rest, offender))
            return
        try:
            core.note(kinds.ICMP_ERROR, message.summary())
            self.ip.send(self._error_packet(speaker or self._speaker(offender), offender, message))
        except OSError:
            core.drop("no route for the ICMP error")

    def _error_packet(self, speaker: bytes, offender: ipv4.Packet, message: icmpv4.Message) -> ipv4.Packet:
        return ipv4.Packet(
            speaker,
            offender.source,
            ipv4.PROTOCOL_ICMP,
            icmpv4.emit(message),
            identification=self.ip.next_identification(),
            tos=INTERNETWORK_CONTROL | offender.tos & TOS_MASK,
        )

    def _speaker(self, offender: ipv4.Packet) -> bytes:
        """The source of an error: the address it was sent to if that is ours, else that of the interface it leaves by
        (RFC 1812 4.3.2.4). Raises OSError ENETUNREACH.
        """
        if self.ip.is_local(offender.destination):
            return offender.destination
        return self.ip.source_for(offender.source)

    def _may_report(self, offender: ipv4.Packet) -> bool:
        """RFC 1122 3.2.2: no error about an error, a broadcast, a later fragment, or to whom no one host is."""
        if self.ip.core.to_many or offender.fragment_offset or is_multicast_ip(offender.destination):
            return False
        if self.ip.is_broadcast(offender.destination) or self.ip.is_broadcast(offender.source):
            return False
        if offender.source[0] == 0 or offender.source[0] >= FIRST_GROUP:
            return False
        kind = offender.payload[:1]
        return offender.protocol != ipv4.PROTOCOL_ICMP or (len(kind) == 1 and kind[0] not in ERROR_KINDS)

    def _answer(self, packet: ipv4.Packet, request: icmpv4.Message) -> None:
        core = self.ip.core
        if not self.ip.is_local(packet.destination):  # Linux: icmp_echo_ignore_broadcasts
            core.note(kinds.IGNORE, "an echo request to many is not answered")
            return
        core.note(kinds.DELIVER, "ICMP echo request")
        reply = icmpv4.echo_reply(request.identifier(), request.sequence(), request.payload)
        try:
            self.ip.send(
                ipv4.Packet(
                    packet.destination,
                    packet.source,
                    ipv4.PROTOCOL_ICMP,
                    icmpv4.emit(reply),
                    identification=self.ip.next_identification(),
                    tos=packet.tos,
                )
            )
        except OSError:
            core.drop("no route for the echo reply")

    def _receive_error(self, packet: ipv4.Packet, message: icmpv4.Message) -> None:
        core = self.ip.core
        try:
            quoted = icmpv4.parse_quoted(message.payload)
        except WireError:
            core.drop("malformed ICMP")
            return
        if not self.ip.is_local(quoted.source):
            core.note(kinds.IGNORE, "an error about a packet that was not ours")
            return
        core.note(kinds.DELIVER, "ICMP error")
        self.ip.handle_error(IcmpError(packet.source, message.kind, message.code, message.rest, quoted))

    def handle_error(self, error: IcmpError) -> None:
        """An error about an ICMP message of ours: whoever sent the echo request is told."""
        payload = error.quoted.payload
        if len(payload) >= 6 and payload[0] == icmpv4.ECHO_REQUEST:
            socket = self._echo.get(int.from_bytes(payload[4:6], "big"))
            if socket is not None:
                socket.on_error(error)
