"""A whole frame, layer by layer, for views, traces and tests; it never raises, whatever the bytes.

1. Ethernet, then each 802.1Q tag.
2. ARP or IPv4 by the type; anything else, and an 802.3 length frame, is `Raw`.
3. ICMP, UDP or TCP by the protocol; DHCP by UDP's ports. A fragment's payload is `Raw`, the first one's too: a
   transport's length and checksum speak of the whole packet. What an ICMP error quotes is not walked.
4. What a datagram or segment from or to port 53 carries is DNS, if it can be read as such.
5. What the innermost header carries, where it is not empty, is `Raw`.

Bytes that break their protocol's rules become `Malformed`, with the reason, and end the walk.
"""

from __future__ import annotations

from sim.errors import WireError
from sim.wire import arp, dhcpv4, dns, ethernet, icmpv4, ipv4, tcp, udp
from sim.wire.layer import Layer, Malformed, Raw, count_bytes


def decode(frame: bytes) -> list[Layer]:
    """The layers of a frame, outermost first; never empty, never raises."""
    try:
        outer = ethernet.parse(frame)
    except WireError as error:
        return [Malformed("Ethernet", str(error), frame)]
    layers: list[Layer] = [outer]
    layers += outer.tags
    if outer.is_length_frame():
        _decode_length_frame(layers, outer)
    elif outer.ethertype == ethernet.ETHERTYPE_IPV4:
        _decode_ipv4(layers, outer.payload)
    elif outer.ethertype == ethernet.ETHERTYPE_ARP:
        _decode_arp(layers, outer.payload)
    else:
        _add_raw(layers, outer.payload)
    return layers


def innermost(layers: list[Layer]) -> Layer:
    """The last layer that says something: `Raw` only where there is nothing else."""
    for layer in reversed(layers):
        if not isinstance(layer, Raw):
            return layer
    return layers[-1]


def summary(frame: bytes) -> str:
    """One line, like a row of Wireshark's list: `IPv4 10.0.0.1 > 10.0.0.2 ICMP echo request id=1 seq=1 ttl=64`."""
    layers = decode(frame)
    tags = [layer.summary() for layer in layers if isinstance(layer, ethernet.Tag)]
    return " ".join([*tags, _line(layers)])


def _line(layers: list[Layer]) -> str:
    last = innermost(layers)
    for layer in layers:
        if isinstance(layer, ipv4.Packet):
            return layer.summary() if last is layer else layer.summary_around(_inner(layers, last))
    if isinstance(last, ethernet.Tag):
        return layers[0].summary()
    if isinstance(last, Malformed) and len(layers) > 1:
        return f"{layers[0].summary()} {last.summary()}"
    return last.summary()


def _inner(layers: list[Layer], last: Layer) -> str:
    """What stands in an IP packet: the last layer that says something; DNS with what carries it."""
    if not isinstance(last, dns.Message):
        return last.summary()
    carrier = layers[layers.index(last) - 1]
    if isinstance(carrier, udp.Datagram):
        return f"UDP {carrier.source_port} > {carrier.destination_port} {last.summary()}"
    return f"{carrier.summary()} {last.summary()}"


def _decode_length_frame(layers: list[Layer], frame: ethernet.Frame) -> None:
    """IEEE 802.3 3.2.6: the length counts the LLC payload, what follows it is padding."""
    if frame.ethertype > len(frame.payload):
        reason = f"cut short: {count_bytes(len(frame.payload))} of a payload of {frame.ethertype}"
        layers.append(Malformed("802.3", reason, frame.payload))
    else:
        _add_raw(layers, frame.payload[: frame.ethertype])


def _decode_arp(layers: list[Layer], data: bytes) -> None:
    try:
        layers.append(arp.parse(data))
    except WireError as error:
        layers.append(Malformed("ARP", str(error), data))


def _decode_ipv4(layers: list[Layer], data: bytes) -> None:
    try:
        packet = ipv4.parse(data)
    except WireError as error:
        layers.append(Malformed("IPv4", str(error), data))
        return
    layers.append(packet)
    if packet.is_fragment():
        _add_raw(layers, packet.payload)
        return
    try:
        _decode_transport(layers, packet)
    except WireError as error:
        layers.append(Malformed(ipv4.protocol_name(packet.protocol), str(error), packet.payload))


def _decode_transport(layers: list[Layer], packet: ipv4.Packet) -> None:
    if packet.protocol == ipv4.PROTOCOL_ICMP:
        message = icmpv4.parse(packet.payload)
        layers.append(message)
        _add_raw(layers, message.payload)
    elif packet.protocol == ipv4.PROTOCOL_UDP:
        datagram = udp.parse(packet.payload, packet.source, packet.destination)
        layers.append(datagram)
        _decode_datagram(layers, datagram)
    elif packet.protocol == ipv4.PROTOCOL_TCP:
        segment = tcp.parse(packet.payload, packet.source, packet.destination)
        tcp.parse_options(segment.options)
        layers.append(segment)
        if dns.PORT not in (segment.source_port, segment.destination_port) or not _add_dns(
            layers, _of_stream(segment.payload)
        ):
            _add_raw(layers, segment.payload)
    else:
        _add_raw(layers, packet.payload)


def _decode_datagram(layers: list[Layer], datagram: udp.Datagram) -> None:
    data, ports = datagram.payload, (datagram.source_port, datagram.destination_port)
    if data and datagram.destination_port in (dhcpv4.SERVER_PORT, dhcpv4.CLIENT_PORT):
        try:
            layers.append(dhcpv4.parse(data))
        except WireError as error:
            layers.append(Malformed("DHCP", str(error), data))
    elif dns.PORT not in ports or not _add_dns(layers, data):
        _add_raw(layers, data)


def _add_dns(layers: list[Layer], data: bytes) -> bool:
    """The message, if it is one."""
    try:
        message = dns.parse(data)
    except WireError:
        return False
    if len(message.questions) != 1:
        return False
    layers.append(message)
    return True


def _of_stream(data: bytes) -> bytes:
    """The message that a segment begins with: its length stands before it (RFC 7766 8), and the rest may follow."""
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


def _add_raw(layers: list[Layer], data: bytes) -> None:
    if data:
        layers.append(Raw(data))
