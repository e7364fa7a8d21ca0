"""Its StreamServer, and its cooperative sockets in greenlets."""

import sys

import gevent
import gevent.server
import gevent.socket

LIBRARIES = ("gevent",)
EXPECTED = "answers: [b'HELLO', b'HELLO']"


def shout(connection: gevent.socket.socket, address: tuple[str, int]) -> None:
    connection.sendall(connection.recv(100).upper())
    connection.close()


def server(host: str, folder: str) -> None:
    gevent.server.StreamServer(("0.0.0.0", 8000), shout).serve_forever()


def one(host: str) -> bytes:
    with gevent.socket.create_connection((host, 8000)) as sock:
        sock.sendall(b"hello")
        return bytes(sock.recv(100))


def client(host: str, folder: str) -> None:
    print("answers:", [job.get() for job in gevent.joinall([gevent.spawn(one, host) for _ in range(2)])])


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
