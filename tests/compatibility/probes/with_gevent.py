"""Its StreamServer, and its cooperative sockets in greenlets."""

import sys

import gevent
import gevent.server
import gevent.socket

LIBRARIES = ("gevent",)
REPEATS = "bytes"
EXPECTED = "answers: [b'HELLO', b'HELLO']"


def shout(connection: gevent.socket.socket, address: tuple[str, int]) -> None:
    connection.sendall(connection.recv(100).upper())
    connection.close()


def server(host: str, folder: str, port: int) -> None:
    gevent.server.StreamServer((host, port), shout).serve_forever()


def one(host: str, port: int) -> bytes:
    with gevent.socket.create_connection((host, port)) as sock:
        sock.sendall(b"hello")
        return bytes(sock.recv(100))


def client(host: str, folder: str, port: int) -> None:
    print("answers:", [job.get() for job in gevent.joinall([gevent.spawn(one, host, port) for _ in range(2)])])


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
