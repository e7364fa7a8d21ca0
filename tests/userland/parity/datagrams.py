"""Datagram sockets: connected and not, cut off, refused, to many."""

from __future__ import annotations

import select
import socket
import struct
import time

from tests.userland.parity.outcome import Ready, tried


def datagram_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def echo_server(host: str, port: int, ready: Ready) -> None:
    server = datagram_socket()
    server.bind((host, port))
    ready()
    for _ in range(4):
        data, address = server.recvfrom(1024)
        print(data, len(address), server.sendto(data.upper(), address))
    server.close()
    print(tried(server.recvfrom, 10))


def echo_client(host: str, port: int) -> None:
    client = datagram_socket()
    print(client.getsockname(), tried(client.getpeername), tried(client.send, b"x"), tried(client.recv, 0))
    print(client.sendto(b"one", (host, port)), client.getsockname()[0], client.recvfrom(100) == (b"ONE", (host, port)))
    print(client.sendto(b"two", 0, (host, port)), client.recv(2), tried(client.sendto, b"a", host))
    print(client.connect((host, port)), client.getpeername() == (host, port), client.send(b""), client.recvfrom(10)[0])
    print(client.sendmsg([b"th", b"ree"]), client.recvmsg(100)[:3])
    client.settimeout(0.05)
    print(tried(client.recv, 10), tried(client.recvfrom, 10), tried(client.recvmsg, 10))
    client.setblocking(False)
    print(tried(client.recv, 10), tried(client.recvfrom, 10))
    client.close()


def cut_alone(host: str, port: int) -> None:
    one, other = datagram_socket(), datagram_socket()
    one.bind((host, port))
    other.connect((host, port))
    for _ in range(8):
        other.send(b"0123456789")
    time.sleep(0.01)
    print(one.recv(4), one.recvmsg(4)[0], one.recvmsg(4)[2] == socket.MSG_TRUNC, one.recv(4, socket.MSG_PEEK))
    buffer = bytearray(4)
    print(one.recv_into(buffer), buffer, one.recvfrom_into(buffer, 2)[0], one.recv_into(buffer, 4, socket.MSG_TRUNC))
    print(one.recvmsg_into([buffer, bytearray(20)])[0], one.recv(100, socket.MSG_WAITALL))
    print(tried(one.recv, 100, socket.MSG_DONTWAIT), tried(other.send, b"a" * 65508), other.send(b"a" * 65507))
    print(len(one.recv(1 << 17)), tried(other.sendall, b"all"), one.recv(10))
    print(tried(one.listen), tried(one.accept), tried(one.recv, -1), tried(one.recv_into, buffer, 10))


def refused_alone(host: str, port: int) -> None:
    client = datagram_socket()
    print(client.sendto(b"x", (host, port)))
    client.settimeout(0.05)
    print(tried(client.recv, 10))
    client.connect((host, port))
    print(client.send(b"x"), tried(client.recv, 10), tried(client.recv, 10))
    print(client.send(b"x"))
    time.sleep(0.01)
    print(tried(client.send, b"x"), tried(client.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR))
    time.sleep(0.01)
    poller = select.poll()
    client.send(b"y")
    time.sleep(0.01)
    poller.register(client, select.POLLIN)
    print([events for _, events in poller.poll(0)], client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    print(poller.poll(0), tried(client.shutdown, socket.SHUT_WR), tried(client.send, b"z"))


def shut_alone(host: str, port: int) -> None:
    """Nothing more is to be received: what has come is, then there is an end."""
    one, other = datagram_socket(), datagram_socket()
    one.bind((host, port))
    one.connect((host, port))
    other.connect((host, port))
    one.send(b"before")
    print(one.shutdown(socket.SHUT_RD), one.send(b"after"))
    time.sleep(0.01)
    print(one.recv(10), one.recv(10), one.recvfrom(10))
    print(tried(one.recv, 10, socket.MSG_DONTWAIT), tried(one.shutdown, 7))
    print(one.shutdown(socket.SHUT_RDWR), tried(one.send, b"x"), one.recvmsg(10), tried(other.send, b"to nobody"))


def connected_server(host: str, port: int, ready: Ready) -> None:
    server = datagram_socket()
    server.bind((host, port))
    ready()
    data, address = server.recvfrom(100)
    stranger = datagram_socket()
    print(stranger.sendto(b"not for you", address))
    server.connect(address)
    print(server.send(data + b"!"), server.recv(100), server.getpeername() == address)
    print(tried(server.sendto, b"to another", ("127.0.0.1", 9)))


def connected_client(host: str, port: int) -> None:
    client = datagram_socket()
    client.connect((host, port))
    print(client.getsockname()[1] > 0, client.send(b"hello"), client.recv(100), client.send(b"bye"))


def broadcast_server(host: str, port: int, ready: Ready) -> None:
    server = datagram_socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    ready()
    print(server.getsockname()[0], server.recv(100))


def broadcast_client(host: str, port: int) -> None:
    client = datagram_socket()
    broadcast = "127.255.255.255" if host.startswith("127.") else "10.0.0.255"
    print(tried(client.sendto, b"x", (broadcast, port)), tried(client.connect, (broadcast, port)))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    print(client.sendto(b"to all", (broadcast, port)))


def multicast_alone(host: str, port: int) -> None:
    group = "224.1.2.3"
    members = []
    for _ in range(2):
        member = datagram_socket()
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        member.bind((group, port))
        request = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton(host))
        print(tried(member.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request))
        print(tried(member.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request))
        members.append(member)
    sender = datagram_socket()
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
    print(sender.sendto(b"to the group", (group, port)), [member.recv(100) for member in members])
    print(sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL))
    for member in members:
        member.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
        print(tried(member.setsockopt, socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request))


def ancillary_alone(host: str, port: int) -> None:
    one, other = datagram_socket(), datagram_socket()
    one.bind((host, port))
    one.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    other.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x20)
    other.sendto(b"x", (host, port))
    print(one.recvmsg(10, 100)[:3])
    other.sendto(b"y", (host, port))
    data, items, flags, _ = one.recvmsg(10)
    print(data, items, flags == socket.MSG_CTRUNC, socket.CMSG_LEN(1), socket.CMSG_SPACE(1))


def names_server(host: str, port: int, ready: Ready) -> None:
    server = datagram_socket()
    server.bind(("", port))
    print(server.getsockname()[0], tried(server.bind, ("", 0)))
    other = datagram_socket()
    print(tried(other.bind, (host, port)), tried(other.bind, ("", 70000)), tried(other.bind, ("192.0.2.9", 1)))
    ready()
    print(server.recv(10))


def names_client(host: str, port: int) -> None:
    client = datagram_socket()
    client.sendto(b"x", (host, port))
    print(tried(client.sendto, b"x", (host, 0)), tried(client.sendto, b"x", (host, "a")), tried(client.sendto, b"x"))
    print(tried(client.sendto, "text", (host, port)), tried(client.send, "text"), tried(client.sendto, b"x", None))
    print(tried(client.sendto, b"x", (host, 65536)), tried(client.sendto, b"x", ("no.such.host.invalid", 1)))
