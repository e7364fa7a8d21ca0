"""TLS of programs: blocking and with asyncio, over links that lose packets, as CPython has it on a real machine."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import io
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import sim


class Certificate(NamedTuple):
    """Of a server called `localhost` or `web`, signed by itself; Ed25519, whose signatures have one size."""

    file: str
    key: str

    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("the certificate is made with openssl")
    folder: Path = tmp_path_factory.mktemp("certificate")
    made = Certificate(str(folder / "certificate.pem"), str(folder / "key.pem"))
    names = "subjectAltName=DNS:localhost,DNS:web"
    subprocess.run(
        f"{tool} req -x509 -newkey ed25519 -nodes -days 3650 -subj /CN=web -addext {names}".split()
        + f"-keyout {made.key} -out {made.file}".split(),
        check=True,
        capture_output=True,
    )
    return made


def lossy(loss: float = 0.05) -> tuple[sim.Network, Any, Any]:
    net = sim.Network(seed=4)
    client, web = net.host("client", "10.0.0.1/24"), net.host("web", "10.0.0.2/24")
    net.link(client, web, delay="10ms", bandwidth="10Mbps", loss=loss)
    return net, client, web


# -- scripts: printed for real and in a program, on the loopback interface


def pair(certificate: Certificate, serve: Callable[[ssl.SSLSocket], None], **options: Any) -> ssl.SSLSocket:
    """A connection to a thread that serves one."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()

    def run() -> None:
        with certificate.server().wrap_socket(listening, server_side=True) as secure:
            connection, _ = secure.accept()
            with connection:
                serve(connection)

    threading.Thread(target=run, daemon=True).start()
    plain = socket.create_connection(address)
    return certificate.client().wrap_socket(plain, server_hostname="localhost", **options)


def echo(connection: ssl.SSLSocket) -> None:
    while data := connection.recv(1 << 14):
        connection.sendall(data)
    with contextlib.suppress(OSError):
        connection.unwrap()


def tells_about_a_connection(certificate: Certificate) -> None:
    with pair(certificate, echo) as sock:
        print(isinstance(sock, ssl.SSLSocket), isinstance(sock, socket.socket), sock.version(), sock.cipher())
        print(sorted(sock.getpeercert() or {}), len(sock.getpeercert(True) or b""), sock.pending(), sock.fileno() > 0)
        print(sock.server_side, sock.server_hostname, sock.compression(), sock.selected_alpn_protocol())
        print(sock.session_reused, isinstance(sock.context, ssl.SSLContext), sock.gettimeout(), sock.family)
        print(sock.send(b"hello"), sock.recv(3), sock.pending(), sock.read(100))
        buffer = bytearray(8)
        print(
            sock.write(b"into"),
            sock.recv_into(buffer),
            bytes(buffer),
            sock.recv_into(buffer, 2) if sock.pending() else 0,
        )
        for call in (lambda: sock.recv(1, socket.MSG_PEEK), lambda: sock.sendto(b"", ("a", 1)), sock.dup):
            try:
                print(call())
            except (ValueError, NotImplementedError) as error:
                print(type(error).__name__, error)
        plain = sock.unwrap()
        print(isinstance(plain, socket.socket))
        try:
            sock.read()
        except ValueError as error:
            print(error)


def sends_much(certificate: Certificate) -> None:
    with pair(certificate, echo) as sock:
        data = bytes(range(256)) * 1500
        writer = threading.Thread(target=sock.sendall, args=(data,))
        writer.start()
        received = b""
        while len(received) < len(data):
            received += sock.recv(10_000)
        writer.join()
        print(received == data)


def reads_lines(certificate: Certificate) -> None:
    with pair(certificate, echo) as sock, sock.makefile("rwb") as file:
        file.write(b"one\ntwo\n")
        file.flush()
        print(file.readline(), file.readline())


def times_out(certificate: Certificate) -> None:
    with pair(certificate, echo) as sock:
        sock.settimeout(0.05)
        try:
            sock.recv(1)
        except TimeoutError as error:
            print(repr(error))
        sock.settimeout(None)
        sock.sendall(b"still alive")
        print(sock.recv(100))


def does_not_wait(certificate: Certificate) -> None:
    with pair(certificate, echo, do_handshake_on_connect=False) as sock:
        sock.setblocking(False)
        wanted: list[str] = []
        while True:
            try:
                sock.do_handshake()
                break
            except ssl.SSLWantReadError as error:
                wanted.append(type(error).__name__)
                select.select([sock], [], [], 1)
        print(wanted[:1])
        try:
            sock.recv(1)
        except ssl.SSLWantReadError as error:
            print(error.args[0] == ssl.SSL_ERROR_WANT_READ)
        sock.send(b"x")
        while True:
            select.select([sock], [], [], 1)
            with contextlib.suppress(ssl.SSLWantReadError):
                print(sock.recv(10))
                break


def ends_without_goodbye(certificate: Certificate) -> None:
    def rude(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_RDWR)

    with pair(certificate, rude) as sock:
        print(sock.recv(10), sock.recv(10))
    with pair(certificate, rude, suppress_ragged_eofs=False) as sock:
        print(sock.recv(10))
        try:
            sock.recv(10)
        except ssl.SSLError as error:
            print(type(error).__name__)


def distrusts(certificate: Certificate) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[object] = []

    def server() -> None:
        for _ in range(3):
            connection, _ = listening.accept()
            try:
                certificate.server().wrap_socket(connection, server_side=True).close()
                heard.append("fine")
            except ssl.SSLError as error:
                heard.append(error.reason)

    thread = threading.Thread(target=server)
    thread.start()
    strict = ssl.create_default_context()
    for context, name in ((strict, "localhost"), (certificate.client(), "elsewhere"), (certificate.client(), "web")):
        plain = socket.create_connection(listening.getsockname())
        try:
            with context.wrap_socket(plain, server_hostname=name) as sock:
                print(name, sock.recv(1))
        except ssl.SSLCertVerificationError as error:
            print(name, error.verify_message)
        plain.close()
    thread.join()
    listening.close()
    print(heard)


def hears_the_wanted_name(certificate: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def server() -> None:
            context = certificate.server()
            context.set_alpn_protocols(["h2", "http/1.1"])
            context.sni_callback = lambda sock, name, _: print("wanted", name, isinstance(sock, ssl.SSLSocket))
            with context.wrap_socket(listening.accept()[0], server_side=True) as sock:
                print(sock.selected_alpn_protocol())

        thread = threading.Thread(target=server)
        thread.start()
        context = certificate.client()
        context.set_alpn_protocols(["http/1.1"])
        sock = context.wrap_socket(socket.socket(), server_hostname="web")
        sock.connect(listening.getsockname())
        with sock:
            thread.join()
            print(sock.selected_alpn_protocol(), sock.recv(1))


SCRIPTS = [
    tells_about_a_connection,
    sends_much,
    reads_lines,
    times_out,
    does_not_wait,
    ends_without_goodbye,
    distrusts,
    hears_the_wanted_name,
]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_program_prints_what_the_same_function_prints_for_real(script: Any, certificate: Certificate) -> None:
    process = sim.Network(seed=1).host("h1", "10.0.0.1/24").spawn(script, certificate)
    process.scheduler.engine.run()
    process.result()
    assert process.stdout
    if for_real(script, certificate) != process.stdout:  # real threads on a busy machine may be late
        assert process.stdout in (for_real(script, certificate), for_real(script, certificate))


def for_real(script: Any, certificate: Certificate) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        script(certificate)
    return printed.getvalue()


# -- over a network


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"page " * 20_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve_pages(certificate: Certificate, count: int) -> None:
    server = http.server.HTTPServer(("", 443), Page)
    server.socket = certificate.server().wrap_socket(server.socket, server_side=True)
    for _ in range(count):
        server.handle_request()
    server.server_close()


def test_https_over_a_link_that_loses_packets(certificate: Certificate) -> None:
    def get() -> list[object]:
        with urllib.request.urlopen("https://web/", context=certificate.client(), timeout=60) as answer:
            size = len(answer.read())
        connection = http.client.HTTPSConnection("web", context=certificate.client(), timeout=60)
        connection.request("GET", "/")
        status = connection.getresponse().status
        connection.close()
        return [size, status]

    net, client, web = lossy()
    server = web.spawn(serve_pages, certificate, 2)
    process = client.spawn(get)
    net.run()
    assert process.result() == [100_000, 200]
    assert server.result() is None


def test_https_of_an_asyncio_server_over_a_link_that_loses_packets(certificate: Certificate) -> None:
    """Asked by an asyncio client and by a blocking one."""
    body = b"page " * 20_000

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(handle, "0.0.0.0", 443, ssl=certificate.server()):
            await asyncio.sleep(60)

    async def fetch() -> bytes:
        reader, writer = await asyncio.open_connection("web", 443, ssl=certificate.client())
        writer.write(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n\r\n")[2]

    def fetch_blocking() -> bytes:
        with urllib.request.urlopen("https://web/", context=certificate.client(), timeout=60) as answer:
            found: bytes = answer.read()
            return found

    net, client, web = lossy(0.02)
    web.spawn(serve)
    processes = [client.spawn(fetch), client.spawn(fetch_blocking)]
    net.run()
    assert [process.result() == body for process in processes] == [True, True]
    assert net.trace.recorder.lost


def test_times_and_lengths_repeat_though_bytes_do_not(certificate: Certificate) -> None:
    def lengths() -> tuple[list[tuple[int, int]], bytes]:
        net, client, web = lossy(0.02)
        seen: list[tuple[int, int]] = []
        data = bytearray()

        def tap(time_ns: int, _: Any, frame: bytes) -> None:
            seen.append((time_ns, len(frame)))
            data.extend(frame)

        client.attach(tap)
        web.spawn(serve_pages, certificate, 1)
        client.spawn(lambda: urllib.request.urlopen("https://web/", context=certificate.client()).close())
        net.run()
        return seen, bytes(data)

    (first, one), (second, other) = lengths(), lengths()
    assert len(first) > 30
    assert first == second
    assert one != other


def test_a_handshake_that_takes_too_long(certificate: Certificate) -> None:
    def client() -> object:
        plain = socket.create_connection(("web", 443), timeout=5)
        try:
            certificate.client().wrap_socket(plain, server_hostname="web")
        except TimeoutError as error:
            return str(error), time.monotonic() // 1
        return None

    def server() -> None:
        with socket.create_server(("", 443)) as listening:
            connection, _ = listening.accept()
            time.sleep(60)
            connection.close()

    net, host, web = lossy(0)
    web.spawn(server)
    process = host.spawn(client)
    net.run()
    text, seconds = process.result()
    assert "handshake operation timed out" in text
    assert seconds == 5


def test_a_writer_that_does_not_wait_is_told_when_there_is_no_room(certificate: Certificate) -> None:
    def server() -> int:
        with socket.create_server(("", 443)) as listening:
            sock = certificate.server().wrap_socket(listening.accept()[0], server_side=True)
            time.sleep(10)
            total = 0
            while data := sock.recv(1 << 16):
                total += len(data)
            return total

    def client() -> tuple[int, int]:
        sock = certificate.client().wrap_socket(socket.create_connection(("web", 443)), server_hostname="web")
        sock.setblocking(False)
        sent = refused = 0
        while sent < 8_000_000:
            try:
                sent += sock.send(bytes(100_000))
            except ssl.SSLWantWriteError:
                refused += 1
                select.select([], [sock], [])
        sock.setblocking(True)
        with contextlib.suppress(ssl.SSLError):
            sock.unwrap()  # reads what the server has to say about sessions: unread data would mean a reset
        sock.close()
        return sent, refused

    net = sim.Network(seed=1)
    host, web = net.host("client", "10.0.0.1/24"), net.host("web", "10.0.0.2/24")
    net.link(host, web, delay="1ms", bandwidth="1Gbps")
    receiver, sender = web.spawn(server), host.spawn(client)
    net.run()
    sent, refused = sender.result()
    assert refused > 0
    assert receiver.result() == sent


async def serve_streams(certificate: Certificate) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, "0.0.0.0", 443, ssl=certificate.server())
    async with server:
        await asyncio.sleep(30)


def test_asyncio_streams_over_a_link_that_loses_packets(certificate: Certificate) -> None:
    async def client() -> tuple[bytes, str]:
        reader, writer = await asyncio.open_connection("web", 443, ssl=certificate.client())
        writer.write(b"x" * 50_000 + b"\n")
        line = await reader.readline()
        version = writer.get_extra_info("ssl_object").version()
        writer.close()
        await writer.wait_closed()
        return line, version

    net, host, web = lossy()
    web.spawn(serve_streams, certificate)
    process = host.spawn(client)
    net.run()
    assert process.result() == (b"X" * 50_000 + b"\n", "TLSv1.3")


def test_asyncio_turns_a_connection_into_a_secure_one(certificate: Certificate) -> None:
    async def server() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readline() == b"STARTTLS\n"
            writer.write(b"go\n")
            await writer.drain()
            await writer.start_tls(certificate.server())
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(handle, "0.0.0.0", 25):
            await asyncio.sleep(30)

    async def client() -> list[bytes]:
        reader, writer = await asyncio.open_connection("web", 25)
        writer.write(b"STARTTLS\n")
        lines = [await reader.readline()]
        await writer.start_tls(certificate.client(), server_hostname="web")
        writer.write(b"secret\n")
        lines.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
        return lines

    net, host, web = lossy()
    frames = bytearray()
    host.attach(lambda _time, _port, frame: frames.extend(frame))
    web.spawn(server)
    process = host.spawn(client)
    net.run()
    assert process.result() == [b"go\n", b"secret\n"]
    assert b"STARTTLS" in frames
    assert b"secret" not in frames
