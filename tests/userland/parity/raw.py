"""Raw sockets and ping sockets. The real processes run in a network namespace of their own, as root."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Any

from tests.userland.parity.outcome import Ready, tried

ICMP = socket.IPPROTO_ICMP
ECHO_REPLY, UNREACHABLE, ECHO_REQUEST = 0, 3, 8
SOL_RAW, ICMP_FILTER, IP_RECVERR, MSG_ERRQUEUE = 255, 1, 11, 0x2000
NOT_NOW = socket.MSG_DONTWAIT


def raw(protocol: int = ICMP) -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)


def ping_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, ICMP)


def checksum(data: bytes) -> int:
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(identifier: int = 7, sequence: int = 1, data: bytes = b"payload", kind: int = ECHO_REQUEST) -> bytes:
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", kind, 0, checksum(head + data), identifier, sequence) + data


def show(packet: bytes) -> tuple[Any, ...]:
    """All of an IP packet but identification and checksums, which must be right."""
    first, tos, length, _, fragment, ttl, protocol, _, source, destination = struct.unpack("!BBHHHBBH4s4s", packet[:20])
    right = checksum(packet[:20]) == 0 and length == len(packet)
    ends = socket.inet_ntoa(source), socket.inet_ntoa(destination)
    return hex(first), tos, length, hex(fragment & 0x3FFF), ttl, protocol, right, ends, packet[20:22], packet[24:][:40]


def ready(sock: socket.socket) -> list[str]:
    poller = select.poll()
    poller.register(sock, select.POLLIN | select.POLLOUT)
    return [hex(events) for _, events in poller.poll(100)]


def making_alone(host: str, port: int) -> None:
    for kind, protocol in ((3, 0), (3, 1), (3, 17), (3, 255), (3, 262), (3, 263), (2, 1), (2, 2), (1, 1), (4, 1)):
        with contextlib.ExitStack() as stack:
            print(
                kind,
                protocol,
                tried(lambda k, p, s: s.enter_context(socket.socket(2, k, p)).proto, kind, protocol, stack),
            )
    sock = raw()
    print(str(sock.family), str(sock.type), sock.proto, sock.getsockname(), tried(sock.getpeername))
    print(tried(sock.listen), tried(sock.accept), tried(sock.send, b"x"), tried(sock.recv, 10, NOT_NOW))
    again = socket.socket(fileno=sock.detach())
    print(str(again.type), again.proto, again.dup().proto)
    sock = ping_socket()
    print(
        str(sock.type), sock.proto, sock.getsockname(), tried(sock.getpeername), tried(sock.listen), tried(sock.accept)
    )
    again = socket.socket(fileno=sock.detach())
    print(str(again.type), again.proto)


def loopback_alone(host: str, port: int) -> None:
    """The request that the kernel will answer, and its answer."""
    one, other = raw(), raw()
    one.settimeout(2)
    print(one.sendto(echo(), (host, 0)))
    for sock in (one, other):
        for _ in range(2):
            data, address = sock.recvfrom(100)
            print(show(data), address)
    print(tried(one.recv, 100, NOT_NOW), one.sendto(echo(kind=77), (host, 99)), show(one.recv(100)))
    print(one.sendto(b"\x08\0broken", (host, 0)), show(one.recv(100)), tried(one.recv, 100, NOT_NOW))
    print(one.sendto(echo(data=b""), 0, (host, 0)), one.recvmsg(20, 100)[1:], show(one.recvmsg(100)[0]))
    buffer = bytearray(30)
    one.sendto(echo(), (host, 0))
    print(
        one.recv_into(buffer, 20),
        buffer[8:10],
        one.recvfrom_into(buffer)[1],
        one.recv(10, NOT_NOW | socket.MSG_PEEK)[:1] if select.select([one], [], [], 0)[0] else "",
    )
    other.close()


def naming_alone(host: str, port: int) -> None:
    sock = raw()
    print(tried(sock.bind, ("192.0.2.1", 0)), tried(sock.bind, (host, 77)), sock.getsockname())
    print(tried(sock.bind, ("127.0.0.2", 0)), sock.getsockname(), tried(sock.bind, ("", 0)), sock.getsockname())
    print(tried(sock.connect, (host, 0)), sock.getsockname(), tried(sock.getpeername), tried(sock.bind, (host, 0)))
    print(tried(sock.connect, (host, 5)), sock.getpeername(), tried(sock.connect, ("127.255.255.255", 0)))
    print(
        tried(sock.sendto, echo(), ("192.0.2.1", 0)), tried(sock.connect, ("192.0.2.1", 0)), tried(sock.bind, (host,))
    )
    print(tried(sock.connect_ex, ("192.0.2.1", 0)), tried(sock.sendto, echo(), (host, 70000)), tried(sock.sendto, b"x"))


def filters_alone(host: str, port: int) -> None:
    """Bound, connected and filtering sockets hear only some."""
    bound, connected, filtering, all_of_it = raw(), raw(), raw(), raw()
    bound.bind(("127.0.0.2", 0))
    connected.connect(("127.0.0.3", 0))
    print(filtering.getsockopt(SOL_RAW, ICMP_FILTER), filtering.getsockopt(SOL_RAW, ICMP_FILTER, 4))
    filtering.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("I", ~(1 << ECHO_REPLY) & 0xFFFFFFFF))
    print(filtering.getsockopt(SOL_RAW, ICMP_FILTER), filtering.getsockopt(SOL_RAW, ICMP_FILTER, 2))
    for last in (1, 2, 3):
        all_of_it.sendto(echo(last), (f"127.0.0.{last}", 0))
        for _ in range(2):
            all_of_it.recv(100)
    print(connected.send(echo(99)), tried(connected.sendto, echo(98), (host, 0)))
    for sock in (bound, connected, filtering):
        found = []
        while select.select([sock], [], [], 0.05)[0]:
            found.append(show(sock.recv(100)))
        print(*found, sep="\n")
    other = raw(socket.IPPROTO_UDP)
    print(tried(other.getsockopt, SOL_RAW, ICMP_FILTER), tried(other.setsockopt, SOL_RAW, ICMP_FILTER, 0))
    print(tried(other.getsockopt, SOL_RAW, 2), tried(other.setsockopt, SOL_RAW, 2, 0))


def limits_alone(host: str, port: int) -> None:
    sock = raw()
    print(tried(sock.sendto, bytes(65516), (host, 0)), tried(sock.sendto, bytes(65536), (host, 0)))
    print(tried(sock.sendto, bytes(65515), (host, 0)), len(sock.recv(70000)), tried(sock.sendto, b"", (host, 0)))
    print(tried(sock.sendto, b"x", (host, 0)), tried(sock.sendto, echo(), ("127.255.255.255", 0)))
    print(tried(sock.sendto, b"x", socket.MSG_OOB, (host, 0)), tried(sock.recv, 10, socket.MSG_OOB))
    sock.connect((host, 0))
    print(sock.shutdown(socket.SHUT_WR), tried(sock.send, echo()), len(sock.recv(100)), sock.shutdown(socket.SHUT_RD))
    time.sleep(0.01)
    print(tried(sock.shutdown, 5), len(sock.recv(100)), sock.recv(100), ready(sock))
    empty = raw(99)
    print(empty.sendto(b"", (host, 0)), show(empty.recv(100)), tried(empty.sendto, "text", (host, 0)))


def headers_alone(host: str, port: int) -> None:
    """IP_HDRINCL: packets with a header of their own."""
    sender, receiver = raw(socket.IPPROTO_RAW), raw(99)
    print(sender.getsockname(), sender.getsockopt(0, socket.IP_HDRINCL), receiver.getsockopt(0, socket.IP_HDRINCL))

    def header(first: int = 0x45, ttl: int = 9, source: str = "0.0.0.0", protocol: int = 99, tos: int = 4) -> bytes:
        ends = socket.inet_aton(source), socket.inet_aton(host)
        return struct.pack("!BBHHHBBH4s4s", first, tos, 1, 0, 0, ttl, protocol, 7, *ends)

    print(sender.sendto(header() + b"hello", (host, 0)), show(receiver.recv(100)))
    print(sender.sendto(header(source="127.0.0.9") + b"from another", (host, 0)), receiver.recvfrom(100)[1])
    with_options = header(0x46) + b"\1\1\1\0" + b"data"
    print(sender.sendto(with_options, (host, 0)), show(receiver.recv(100)))
    for bad in (b"", header()[:19], header(0x4F), header(0x41), header() + bytes(65516)):
        print(tried(sender.sendto, bad, (host, 0)))
    print(sender.sendto(header() + bytes(65515), (host, 0)), len(receiver.recv(70000)), tried(sender.recv, 1, NOT_NOW))
    sender.setsockopt(0, socket.IP_HDRINCL, 0)
    print(sender.getsockopt(0, socket.IP_HDRINCL), sender.sendto(b"without", (host, 0)))
    receiver.setsockopt(0, socket.IP_HDRINCL, 1)
    print(receiver.sendto(header(protocol=99) + b"to itself", (host, 0)), show(receiver.recv(100)))
    print(tried(receiver.sendto, b"no header", (host, 0)), tried(sender.send, b"x"))


def copies_server(host: str, port: int, ready: Ready) -> None:
    """Raw sockets for UDP and TCP are given copies."""
    datagrams, segments = raw(socket.IPPROTO_UDP), raw(socket.IPPROTO_TCP)
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.create_server((host, port)) as server:
        receiver.bind((host, port))
        ready()
        while True:
            data = datagrams.recv(1000)
            if data[22:24] == port.to_bytes(2, "big"):
                break
        print(data[28:], receiver.recv(100), data[9])
        server.accept()[0].close()
        while True:
            data = segments.recv(1000)
            if data[22:24] == port.to_bytes(2, "big"):
                break
        print(data[9], data[33])


def copies_client(host: str, port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        print(sender.sendto(b"once", (host, port)))
    with socket.create_connection((host, port)) as client:
        print(client.recv(1))


def transport_alone(host: str, port: int) -> None:
    """A UDP datagram made by hand; ICMP says that nobody is there."""
    sender, listener, messages = raw(socket.IPPROTO_UDP), socket.socket(type=socket.SOCK_DGRAM), raw()
    listener.bind((host, port))
    print(sender.sendto(struct.pack("!HHHH", 9, port, 8 + 4, 0) + b"made", (host, 0)), listener.recvfrom(100))
    listener.close()
    print(sender.sendto(struct.pack("!HHHH", 9, port, 8, 0), (host, 0)))
    data = messages.recv(1000)
    print(
        show(data[:20] + data[20:28])[1:2],
        data[20:22],
        data[28:29],
        data[37],
        messages.recv(1000, NOT_NOW) if 0 else "",
    )


def options_alone(host: str, port: int) -> None:
    level = socket.IPPROTO_IP
    for sock in (raw(), ping_socket()):
        for name in (
            "SO_TYPE",
            "SO_DOMAIN",
            "SO_PROTOCOL",
            "SO_ERROR",
            "SO_ACCEPTCONN",
            "SO_BROADCAST",
            "SO_REUSEADDR",
        ):
            number = getattr(socket, name)
            print(name, tried(sock.getsockopt, 1, number), tried(sock.setsockopt, 1, number, 1), end=" ")
        print()
        for name in ("IP_TTL", "IP_TOS", "IP_HDRINCL", "IP_MULTICAST_TTL", "IP_MULTICAST_LOOP"):
            number = getattr(socket, name)
            print(name, tried(sock.getsockopt, level, number), tried(sock.setsockopt, level, number, 1), end=" ")
            print(tried(sock.getsockopt, level, number))
        for where in (SOL_RAW, socket.IPPROTO_UDP, socket.IPPROTO_TCP):
            print(tried(sock.getsockopt, where, 2), tried(sock.setsockopt, where, 2, 1))
    sender, receiver = raw(98), raw(98)
    sender.setsockopt(level, socket.IP_TTL, 5)
    sender.setsockopt(level, socket.IP_TOS, 0x10)
    receiver.setsockopt(level, socket.IP_RECVTOS, 1)
    sender.sendto(b"x", (host, 0))
    print(show(receiver.recvmsg(100, 100)[0]))
    sender.sendmsg([b"y", b"z"], [(level, socket.IP_TTL, struct.pack("i", 33))], 0, (host, 0))
    data, items, flags, address = receiver.recvmsg(100, 100)
    print(show(data), items, flags, address)


def pings_alone(host: str, port: int) -> None:
    sock = ping_socket()
    print(sock.sendto(echo(7, 3), (host, 0)), sock.getsockname()[0], sock.getsockname()[1] > 0)
    data, address = sock.recvfrom(100)
    kind, code, _, identifier, sequence = struct.unpack("!BBHHH", data[:8])
    print(kind, code, identifier == sock.getsockname()[1], sequence, data[8:], address, checksum(data))
    for bad in (echo(kind=0), echo(kind=13), b"\x08\1" + echo()[2:], echo()[:7], b"", bytes(65536)):
        print(tried(sock.sendto, bad, (host, 0)), end=" ")
    big = b"\x08" + bytes(65514)
    print(tried(sock.sendto, big, (host, 0)), tried(sock.sendto, big + b"x", (host, 0)), len(sock.recv(70000)))
    print(tried(sock.send, echo()), tried(sock.sendto, echo(), ("127.255.255.255", 0)), tried(sock.bind, (host, 0)))
    print(tried(sock.sendto, echo(), socket.MSG_OOB, (host, 0)), tried(sock.sendto, echo(), ("192.0.2.1", 0)))
    print(sock.sendto(echo(data=b"longer"), (host, 0)), sock.recvmsg(10)[0][:2], tried(sock.recv, 10, NOT_NOW))


def identifiers_alone(host: str, port: int) -> None:
    """Two with one identifier, and what they hear."""
    one, other, third = ping_socket(), ping_socket(), ping_socket()
    print(tried(one.bind, (host, 1234)), one.getsockname(), tried(one.bind, (host, 1)), tried(other.bind, (host, 1234)))
    print(tried(third.bind, ("192.0.2.1", 0)), tried(third.bind, ("", 70000)))
    third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    print(tried(third.bind, (host, 1234)), tried(third.bind, ("", 1235)), third.getsockname())
    print(one.connect((host, 9)), one.getpeername(), one.send(echo()), other.recv(100)[:1], tried(one.recv, 9, NOT_NOW))
    other.close()
    print(one.send(echo()), one.recvfrom(100)[1], one.shutdown(socket.SHUT_WR), tried(one.send, echo()))
    print(third.connect(("127.0.0.2", 0)), third.getsockname()[0], tried(third.getpeername), third.send(echo()))
    print(third.recvfrom(100)[1], third.sendto(echo(), (host, 0)), third.recvfrom(100)[1], ready(third))
    observer = raw()
    print(third.send(echo(1, 2, b"seen")), show(observer.recv(100))[:-1], observer.recv(100)[20:22])


def errors_alone(host: str, port: int) -> None:
    """ICMP errors reach the raw sockets that are connected, or ask for them."""
    datagram = struct.pack("!HHHH", 9, port, 8 + 4, 0) + b"made"
    for connects in (False, True):
        for asks in (0, 1):
            sender = raw(socket.IPPROTO_UDP)
            sender.setsockopt(socket.IPPROTO_IP, IP_RECVERR, asks)
            if connects:
                sender.connect((host, 0))
            print(connects, asks, sender.sendto(datagram, (host, 0)))
            time.sleep(0.01)
            print(ready(sender), sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            sender.sendto(datagram, (host, 0))
            time.sleep(0.01)
            print(tried(sender.sendto, datagram, (host, 0)))
            time.sleep(0.01)
            print(tried(sender.recv, 1, NOT_NOW), tried(sender.recvmsg, 2, 100, MSG_ERRQUEUE | NOT_NOW))
            sender.close()
    deaf, sender, messages = raw(98), raw(socket.IPPROTO_RAW), raw()
    deaf.bind(("127.0.0.2", 0))
    deaf.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    print(deaf.sendto(b"no such protocol", (host, 0)))
    time.sleep(0.01)
    print(messages.recv(100)[20:22], tried(deaf.recv, 1, NOT_NOW), tried(deaf.recvmsg, 50, 100, MSG_ERRQUEUE))
    sender.close()
