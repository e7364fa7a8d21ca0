"""Socket options: what is read before and after they are set."""

from __future__ import annotations

import socket
import struct
import time

from tests.userland.parity.outcome import Ready, tried

COMMON = ("SO_TYPE", "SO_DOMAIN", "SO_PROTOCOL", "SO_ERROR", "SO_ACCEPTCONN", "SO_REUSEADDR", "SO_REUSEPORT")
OTHERS = ("SO_BROADCAST", "SO_KEEPALIVE", "SO_OOBINLINE")
OF_STREAMS = ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_SYNCNT", "TCP_CORK", "TCP_MAXSEG")
SIOCINQ, SIOCOUTQ, TCP_INQ = 0x541B, 0x5411, 36
OF_CONNECTIONS = ("TCP_USER_TIMEOUT", "TCP_DEFER_ACCEPT", "TCP_LINGER2")


def common_alone(host: str, port: int) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        sock = socket.socket(type=kind)
        for name in (*COMMON, *OTHERS):
            number = getattr(socket, name)
            print(name, tried(sock.getsockopt, socket.SOL_SOCKET, number), end=" ")
            print(tried(sock.setsockopt, socket.SOL_SOCKET, number, 1), tried(sock.getsockopt, 1, number))
        print(tried(sock.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 8))
        print(tried(sock.setsockopt, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5)))
        print(tried(sock.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 8))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        print(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), sock.getsockopt(1, socket.SO_SNDBUF))
        print(tried(sock.setsockopt, socket.SOL_SOCKET, 9999, 1), tried(sock.getsockopt, 9999, 1))
        print(tried(sock.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, b""), tried(sock.setsockopt, 1, 2, "x"))
        print(tried(sock.getsockopt, 1, 2, -1))
        print(tried(sock.getsockopt, 1, 2, 4), tried(sock.getsockopt, 1, 2, 2000), tried(sock.setsockopt, 1, 2, 1.5))


def streams_alone(host: str, port: int) -> None:
    sock = socket.socket()
    for name in (*OF_STREAMS, *OF_CONNECTIONS):
        number = getattr(socket, name)
        print(name, tried(sock.getsockopt, socket.IPPROTO_TCP, number), end=" ")
        print(tried(sock.setsockopt, socket.IPPROTO_TCP, number, 100), tried(sock.getsockopt, 6, number))
        print(tried(sock.setsockopt, socket.IPPROTO_TCP, number, -1))
    print(tried(sock.setsockopt, socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"nonsense"))
    for name in ("IP_TTL", "IP_TOS"):
        number = getattr(socket, name)
        print(
            name, tried(sock.getsockopt, 0, number), tried(sock.setsockopt, 0, number, 32), sock.getsockopt(0, number)
        )
        print(tried(sock.setsockopt, 0, number, 1000))


def inherited_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 33)
    ready()
    connection, _ = server.accept()
    print(server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    print(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), connection.getsockopt(6, socket.TCP_NODELAY))
    print(connection.getsockopt(6, socket.TCP_KEEPIDLE), connection.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
    print(connection.recv(10), connection.getsockopt(6, socket.TCP_INFO, 1))


def inherited_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    client.send(b"held")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    print(client.recv(10))


def waiting_alone(host: str, port: int) -> None:
    """SO_RCVTIMEO makes a blocking call end."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 20_000))
    print(tried(sock.recv, 10), struct.unpack("ll", sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)))


def queues_server(host: str, port: int, ready: Ready) -> None:
    """What lies in the queues: SIOCINQ, SIOCOUTQ, and TCP_INQ beside the data."""
    import fcntl

    server = socket.create_server((host, port))
    print(tried(fcntl.ioctl, server, SIOCINQ, bytes(4)))
    ready()
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, TCP_INQ, 1)
    print(connection.getsockopt(socket.IPPROTO_TCP, TCP_INQ), tried(connection.setsockopt, 6, TCP_INQ, 2))
    time.sleep(0.1)
    print(struct.unpack("i", fcntl.ioctl(connection, SIOCINQ, bytes(4))))
    print(connection.recvmsg(300, 100)[1:3])
    answer = bytearray(4)
    print(fcntl.ioctl(connection.fileno(), SIOCINQ, answer), answer.hex())
    print(connection.recvmsg(300, 10)[1:3], connection.recvmsg(900, 100)[1])
    time.sleep(0.2)
    print(connection.recvmsg(500, 100)[1], fcntl.ioctl(connection, SIOCINQ, bytes(4)))
    print(connection.recvmsg(500, 100)[:2])
    print(tried(fcntl.ioctl, connection, 0x7777, bytes(4)), tried(fcntl.ioctl, connection, SIOCINQ, 0))


def queues_client(host: str, port: int) -> None:
    import fcntl

    client = socket.create_connection((host, port))
    print(fcntl.ioctl(client, SIOCOUTQ, bytes(4)))
    client.send(bytes(1000))
    time.sleep(0.2)
    print(fcntl.ioctl(client, SIOCOUTQ, bytes(4)))
    client.send(bytes(500))
    client.close()
