"""An echo server and its client on the reactor."""

import sys

from twisted.internet import protocol, reactor

LIBRARIES = ("twisted",)
REPEATS = "bytes"
EXPECTED = "answer: b'HELLO'"


class Shout(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.transport.write(data.upper())


class Ask(protocol.Protocol):
    def connectionMade(self) -> None:  # noqa: N802
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        print("answer:", data)
        reactor.stop()


def server(host: str, folder: str, port: int) -> None:
    reactor.listenTCP(port, protocol.Factory.forProtocol(Shout), interface=host)
    reactor.run()


def client(host: str, folder: str, port: int) -> None:
    reactor.connectTCP(host, port, protocol.ClientFactory.forProtocol(Ask))
    reactor.run()


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
