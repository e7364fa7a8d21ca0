"""HTTP/1.1 (RFC 9112), as little of it as curl and http.server need."""

from __future__ import annotations

from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import TcpSocket
from tests.bridge.programs import Program, Server, Steps, connect, receive, receive_until, send_all


def serve(host: LabHost, port: int, body: bytes) -> Server:
    """A web server that answers each GET with `body`, each PUT with what it got, and closes when told so."""

    def session(program: Program[None], socket: TcpSocket) -> Steps[None]:
        head, behind = yield from receive_until(socket, b"\r\n\r\n")
        answer = body
        if head.startswith(b"PUT "):
            answer = yield from _receive_body(socket, head, behind)
        yield from send_all(socket, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer))
        yield from send_all(socket, answer)

    return Server(host, port, session)


def fetch(host: LabHost, address: bytes, port: int, path: str) -> Program[bytes]:
    """A web client that asks for `path`; its result is the body. Raises EOFError when that is cut short."""

    def main(program: Program[bytes]) -> Steps[bytes]:
        socket = program.socket()
        yield from connect(socket, address, port)
        yield from send_all(socket, f"GET {path} HTTP/1.1\r\nHost: kernel\r\nConnection: close\r\n\r\n".encode())
        head, behind = yield from receive_until(socket, b"\r\n\r\n")
        assert head.split()[1] == b"200", head
        body = yield from _receive_body(socket, head, behind)
        socket.close()
        return body

    return Program(host, main)


def _receive_body(socket: TcpSocket, head: bytes, behind: bytes) -> Steps[bytes]:
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    size = int(fields[b"content-length"])
    data = bytearray(behind)
    while len(data) < size:
        more = yield from receive(socket)
        if not more:
            raise EOFError(f"the body ends after {len(data)} of {size} bytes")
        data += more
    return bytes(data)
