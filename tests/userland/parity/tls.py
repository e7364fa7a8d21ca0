"""TLS with blocking sockets. PARITY_CERTIFICATES is the folder of the certificates of `web` and of `other`."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.userland.parity.outcome import Ready, tried

FOLDER = os.environ.get("PARITY_CERTIFICATES", "")


def files(name: str) -> tuple[str, str]:
    return f"{FOLDER}/{name}.pem", f"{FOLDER}/{name}.key"


def serving(name: str = "web") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files(name))
    return context


def asking(name: str = "web") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files(name)[0])


@contextlib.contextmanager
def served(host: str, port: int, ready: Ready, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with socket.create_server((host, port)) as server, context.wrap_socket(server, server_side=True) as secure:
        ready()
        yield secure


def called(host: str, port: int, context: ssl.SSLContext, name: str = "web", **options: Any) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection((host, port)), server_hostname=name, **options)


def echo_server(host: str, port: int, ready: Ready) -> None:
    with served(host, port, ready, serving()) as server:
        connection, address = server.accept()
        with connection:
            print(connection.version(), connection.server_side, connection.getpeercert(), len(address))
            print(type(connection.shared_ciphers()).__name__, connection.selected_alpn_protocol())
            while data := connection.recv(1 << 14):
                connection.sendall(data)
            print(tried(connection.recv, 1), connection.unwrap().recv(10))


def echo_client(host: str, port: int) -> None:
    made: Any = called(host, port, asking(), do_handshake_on_connect=False)
    with made as client:
        print(client.version(), client.cipher(), tried(client.getpeercert))
        print(client.do_handshake(), client.do_handshake(), client.session is not None)
        print(client.version(), client.cipher()[1:], client.compression(), client.selected_alpn_protocol())
        certificate = client.getpeercert()
        print(certificate["subject"], certificate["subjectAltName"], len(client.getpeercert(True)) > 200)
        print(
            len(client.get_channel_binding() or b"") > 0, tried(client.get_channel_binding, "x"), client.server_hostname
        )
        print(client.send(b"hello"), client.recv(3), client.pending(), client.recv(100), client.pending())
        buffer = bytearray(8)
        print(client.write(b"into"), client.recv_into(buffer), buffer, client.send(b""), client.gettimeout())
        client.sendall(b"a" * 300_000)
        left = 300_000
        while left:
            left -= len(client.recv(1 << 16))
        for call in (lambda: client.recv(1, socket.MSG_PEEK), lambda: client.sendto(b"x", (host, 1)), client.dup):
            print(tried(call))
        print(tried(client.recvfrom, 1), tried(client.recvmsg, 1), tried(client.sendmsg, [b"x"]))
        client.settimeout(0.05)
        print(tried(client.recv, 1), tried(client.read, 1), client.setblocking(False), tried(client.recv, 1))
        client.setblocking(True)
        with client.makefile("rwb", buffering=0) as file:
            print(file.write(b"line\n"), file.readline())
        plain = client.unwrap()
        print(type(plain).__name__, plain.send(b"clear"))


def names_server(host: str, port: int, ready: Ready) -> None:
    """SNI and ALPN choose; a client may say no."""
    context, other = serving(), serving("other")
    asked: list[Any] = []

    def choose(sock: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> int | None:
        asked.append((name, first is context))
        if name == "other":
            sock.context = other
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name == "nobody" else None

    context.sni_callback = choose
    for each in (context, other):
        each.set_alpn_protocols(["h2", "http/1.1"])
    with served(host, port, ready, context) as server:
        for _ in range(5):
            try:
                connection, _ = server.accept()
            except OSError as error:
                print(type(error).__name__, error)
                continue
            with connection:
                print(connection.selected_alpn_protocol(), tried(connection.recv, 10))
    print(asked)


def names_client(host: str, port: int) -> None:
    for authority, name, protocols in (("web", "web", ["http/1.1"]), ("other", "other", ["x"]), ("web", "wrong", [])):
        context = asking(authority)
        if protocols:
            context.set_alpn_protocols(protocols)
        try:
            with called(host, port, context, name) as sock:
                client: Any = sock
                print(client.getpeercert()["subject"], client.selected_alpn_protocol(), client.send(b"hi"))
        except OSError as error:
            print(type(error).__name__, error, isinstance(error, ssl.SSLCertVerificationError))
    print(tried(called, host, port, asking("other"), "web"))
    print(tried(called, host, port, asking(), "nobody"))


def careless_server(host: str, port: int, ready: Ready) -> None:
    """Clients that hang up, that speak no TLS, and that are asked for a certificate."""
    context = serving()
    with served(host, port, ready, context) as server:
        connection, _ = server.accept()
        print(tried(connection.recv, 10))
        connection.close()
        print(tried(server.accept), tried(server.accept))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files("other")[0])
    with served(host, port, lambda: None, context) as server:
        for _ in range(2):
            print(tried(lambda: (server.accept()[0].getpeercert() or {})["subject"]))


def careless_client(host: str, port: int) -> None:
    import time

    client = called(host, port, asking())
    client.shutdown(socket.SHUT_WR)
    client.close()
    with socket.create_connection((host, port)) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        tried(plain.recv, 100)  # its end, or a reset
    socket.create_connection((host, port)).close()
    time.sleep(0.3)
    context = asking()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    print(tried(called, host, port, context))
    context.load_cert_chain(*files("other"))
    print(called(host, port, context).version())


def sessions_server(host: str, port: int, ready: Ready) -> None:
    with served(host, port, ready, serving()) as server:
        for _ in range(3):
            connection, _ = server.accept()
            with connection:
                print(connection.session_reused, connection.version(), connection.recv(5), connection.send(b"there"))
                print(connection.recv(5))


def sessions_client(host: str, port: int) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = asking()
        context.minimum_version = context.maximum_version = version
        session = None
        for _ in range(2 if version is ssl.TLSVersion.TLSv1_2 else 1):
            with called(host, port, context, session=session) as sock:
                client: Any = sock
                print(client.send(b"hello"), client.recv(5), client.session_reused, client.session.has_ticket)
                session = client.session


def wrapping_alone(host: str, port: int) -> None:
    one, other = socket.socketpair()
    context = asking()
    print(tried(context.wrap_socket, one, server_side=True, server_hostname="x"), tried(context.wrap_socket, one))
    print(tried(context.wrap_socket, socket.socket(type=socket.SOCK_DGRAM), server_hostname="x"))
    secure = context.wrap_socket(socket.socket(), server_hostname="web")
    print(tried(secure.connect, (host, port)), tried(secure.recv, 1), tried(secure.do_handshake), secure.version())
    print(tried(secure.unwrap)[:27], tried(secure.pending), tried(secure.getpeercert), secure.cipher(), secure.session)
    other.close()
    print(tried(context.wrap_socket, one, server_hostname="web"), one.fileno())
    listening = context.wrap_socket(socket.create_server((host, port)), server_hostname="web")
    print(tried(listening.connect, (host, port)), listening.server_side, context.check_hostname)


def memory_alone(host: str, port: int) -> None:
    """Without a socket: two ends in memory."""
    ends = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
    client = asking().wrap_bio(ends[0][0], ends[0][1], server_hostname="web")
    server = serving().wrap_bio(ends[1][0], ends[1][1], server_side=True)

    def carry() -> None:
        ends[1][0].write(ends[0][1].read())
        ends[0][0].write(ends[1][1].read())

    print(tried(client.do_handshake).split("(")[0], ends[0][1].pending > 0, tried(server.read, 1).split("(")[0])
    for _ in range(4):
        carry()
        for end in (client, server):
            tried(end.do_handshake)
    print(client.version(), client.write(b"secret"), carry(), server.read(10), tried(server.read, 1).split("(")[0])
    print(tried(client.unwrap).split("(")[0], carry(), tried(server.unwrap), carry(), tried(client.unwrap))
    print(ends[0][0].eof, ends[0][0].write_eof(), ends[0][0].eof, tried(ends[0][0].write, b"x"), ends[0][0].read())


def certificate_server(host: str, port: int, ready: Ready) -> None:
    with served(host, port, ready, serving()) as server:
        for _ in range(2):
            tried(server.accept)


def certificate_client(host: str, port: int) -> None:
    text = ssl.get_server_certificate((host, port))
    data = ssl.PEM_cert_to_DER_cert(text)
    own = Path(files("web")[0]).read_text()
    print(data == ssl.PEM_cert_to_DER_cert(own), ssl.DER_cert_to_PEM_cert(data) == text)
    print(ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT"), type(ssl.RAND_bytes(4)).__name__, ssl.RAND_status())
    authority = files("web")[0]
    print(ssl.get_server_certificate((host, port), timeout=5, ca_certs=authority) == text)
