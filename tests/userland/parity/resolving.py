"""Names, addresses, services, interfaces."""

from __future__ import annotations

import socket
from typing import Any

from tests.userland.parity.outcome import tried


def addresses_alone(host: str, port: int) -> None:
    kinds = socket.AF_INET
    print(tried(socket.getaddrinfo, host, port, kinds))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_DGRAM))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_RAW))
    print(tried(socket.getaddrinfo, host, port, kinds, 0, socket.IPPROTO_TCP))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_STREAM, socket.IPPROTO_UDP))
    print(tried(socket.getaddrinfo, host, port, kinds, 77))
    print(tried(socket.getaddrinfo, host, str(port), family=kinds, type=socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, host.encode(), str(port).encode(), kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, None, port, kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, None, port, kinds, socket.SOCK_STREAM, 0, socket.AI_PASSIVE))
    print(tried(socket.getaddrinfo, host, None, kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, "localhost", "http", kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_STREAM, 0, socket.AI_CANONNAME))
    print(tried(socket.getaddrinfo, host, port, kinds, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST))
    print(tried(socket.getaddrinfo, "127.1", port, kinds, socket.SOCK_STREAM))
    print(tried(socket.getaddrinfo, "0x7f000001", port, kinds, socket.SOCK_STREAM))


def address_errors_alone(host: str, port: int) -> None:
    stream = socket.SOCK_STREAM
    calls: list[tuple[Any, ...]] = [
        ("no.such.host.invalid", port),
        ("no.such.host.invalid", port, socket.AF_INET, stream, 0, socket.AI_NUMERICHOST),
        (host, "no-such-service", socket.AF_INET, stream),
        (host, "12ab", socket.AF_INET, stream),
        (host, port, 1234),
        (host, port, socket.AF_INET, stream, 0, 1 << 20),
        (None, None),
        (None, "http", socket.AF_INET, stream, 0, socket.AI_CANONNAME),
        (5, port),
        ("", port),
        (host, 1.5),
        ("256.1.1.1", port, socket.AF_INET, stream, 0, socket.AI_NUMERICHOST),
        ("host\0name", port),
        (host, 70000, socket.AF_INET, stream),
        (host, -1, socket.AF_INET, stream),
        (host, "http", socket.AF_INET, stream, 0, socket.AI_NUMERICSERV),
        ("::1", port, socket.AF_INET),
    ]
    for call in calls:
        print(call[0] if isinstance(call[0], str) and len(call[0]) < 30 else "", tried(socket.getaddrinfo, *call))


def hosts_alone(host: str, port: int) -> None:
    name = socket.gethostname()
    print(type(name), name != "", tried(socket.gethostbyname, host), tried(socket.gethostbyname, "localhost"))
    print(tried(socket.gethostbyname_ex, host), tried(socket.gethostbyname_ex, "localhost"))
    print(tried(socket.gethostbyname, ""), tried(socket.gethostbyname, "no.such.host.invalid"))
    print(tried(socket.gethostbyname_ex, "no.such.host.invalid"), tried(socket.gethostbyname, 5))
    print(tried(socket.gethostbyname, "<broadcast>"), tried(socket.gethostbyname, "255.255.255.255"))
    print(tried(socket.gethostbyaddr, "localhost")[-28:], tried(socket.getfqdn, "no.such.host.invalid"))
    print(tried(socket.gethostbyaddr, "192.0.2.1"))


def nameinfo_alone(host: str, port: int) -> None:
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    print(tried(socket.getnameinfo, (host, port), numeric), tried(socket.getnameinfo, (host, 80), numeric))
    print(tried(socket.getnameinfo, (host, 80), socket.NI_NUMERICHOST))
    print(tried(socket.getnameinfo, (host, 53), socket.NI_NUMERICHOST | socket.NI_DGRAM))
    print(tried(socket.getnameinfo, ("127.0.0.1", 80), 0), tried(socket.getnameinfo, ("192.0.2.1", 9), numeric))
    print(tried(socket.getnameinfo, ("192.0.2.1", 9), socket.NI_NAMEREQD))
    print(tried(socket.getnameinfo, host, 0), tried(socket.getnameinfo, (host,), 0), tried(socket.getnameinfo, (), 0))
    print(tried(socket.getnameinfo, ("localhost", 80), numeric), tried(socket.getnameinfo, (host, "80"), numeric))
    print(tried(socket.getnameinfo, ("no.such.host.invalid", 80), numeric))


def services_alone(host: str, port: int) -> None:
    for name, protocol in (("http", "tcp"), ("domain", "udp"), ("ssh", "tcp"), ("nonsense", "tcp")):
        print(tried(socket.getservbyname, name, protocol))
    for number in (80, 53, 443, 65000, 70000):
        print(tried(socket.getservbyport, number, "tcp"))
    print(tried(socket.getservbyname, "http"), tried(socket.getprotobyname, "icmp"), tried(socket.getprotobyname, "x"))


def interfaces_alone(host: str, port: int) -> None:
    found = socket.if_nameindex()
    print(found[0], len(found) > 1 or found, socket.if_nametoindex("lo"), socket.if_indextoname(1))
    print(tried(socket.if_nametoindex, "none99"), tried(socket.if_indextoname, 9999))


def conversions_alone(host: str, port: int) -> None:
    print(socket.inet_aton("10.1.2.3"), socket.inet_ntoa(b"\x0a\x01\x02\x03"), tried(socket.inet_aton, "x"))
    print(socket.inet_pton(socket.AF_INET, "1.2.3.4"), socket.inet_ntop(socket.AF_INET6, bytes(15) + b"\1"))
    print(tried(socket.inet_pton, socket.AF_INET, "1.2.3"), tried(socket.inet_ntop, 99, b"1234"))
    print(socket.htons(1), socket.ntohs(256), socket.htonl(1), socket.ntohl(1 << 24), tried(socket.htons, 70000))


def connecting_alone(host: str, port: int) -> None:
    """Names where addresses are usual."""
    client = socket.socket()
    print(tried(client.connect, ("no.such.host.invalid", port)), tried(client.connect_ex, ("no.such.host.invalid", 1)))
    for call in (socket.create_connection, client.bind):
        print(tried(call, ("no.such.host.invalid", port)))
    server = socket.create_server(("localhost", port))
    print(socket.create_connection(("localhost", port)).getpeername(), server.getsockname())
    print(tried(client.connect, ("", port)), client.getpeername())


def ipv6_alone(host: str, port: int) -> None:
    print(isinstance(socket.has_ipv6, bool), socket.AF_INET6 in [found[0] for found in socket.getaddrinfo(host, port)])
