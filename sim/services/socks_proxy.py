"""A SOCKS5 proxy (RFC 1928): CONNECT and UDP ASSOCIATE, names that are looked up here, passwords (RFC 1929)."""

from __future__ import annotations

import asyncio
import errno
import hmac
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from typing import Any, Final

from sim.services import serving
from sim.services.relaying import connect, relay

VERSION: Final = 5
NO_AUTHENTICATION, PASSWORD, NONE_ACCEPTABLE = 0, 2, 0xFF
CONNECT, ASSOCIATE = 1, 3
IPV4, NAME, IPV6 = 1, 3, 4
HANDSHAKE_TIMEOUT: Final = 30.0
SUCCEEDED, FAILED, HOST_UNREACHABLE, REFUSED = 0, 1, 4, 5
NO_SUCH_COMMAND, NO_SUCH_ADDRESS = 7, 8
REPLIES: Final = {
    errno.ENETUNREACH: 3,
    errno.EHOSTUNREACH: HOST_UNREACHABLE,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: HOST_UNREACHABLE,
}
ANYWHERE: Final = ("0.0.0.0", 0)

Address = tuple[str, int]


class SocksError(ValueError):
    """A client says what is not SOCKS; `reply` is the code that it hears, None for none."""

    def __init__(self, text: str, reply: int | None = None) -> None:
        super().__init__(text)
        self.reply = reply


def serve(
    port: int = 1_080,
    address: str = "0.0.0.0",
    *,
    users: Mapping[str, str] | None = None,
    connections: int = 1_000,
) -> None:
    """Serve until it is interrupted: `users` with their passwords, or everybody. Raises OSError for a port that is
    taken."""
    serving.run(_Proxy(users or {}, connections).run(address, port))


class _Proxy:
    def __init__(self, users: Mapping[str, str], connections: int) -> None:
        self._users = users
        self._most = connections
        self._open = 0

    async def run(self, address: str, port: int) -> None:
        await serving.accept(self._connected, address, port)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= self._most:
                await self._serve(reader, writer)
        except SocksError as error:
            if error.reply is not None:
                writer.write(reply(error.reply, ANYWHERE))
        except (OSError, EOFError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            await self._authenticate(reader, writer)
            version, command, _ = await reader.readexactly(3)
            if version != VERSION:
                raise SocksError("another version")
            target = await read_address(reader)
        if command == CONNECT:
            await self._tunnel(target, reader, writer)
        elif command == ASSOCIATE:
            await _associate(reader, writer)
        else:
            raise SocksError(f"command {command}", NO_SUCH_COMMAND)

    async def _authenticate(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Agree on a method (RFC 1928 3), and hear the password (RFC 1929)."""
        version, count = await reader.readexactly(2)
        if version != VERSION:
            raise SocksError("another version")
        offered = await reader.readexactly(count)
        method = PASSWORD if self._users else NO_AUTHENTICATION
        if method not in offered:
            writer.write(bytes((VERSION, NONE_ACCEPTABLE)))
            raise SocksError("no common method")
        writer.write(bytes((VERSION, method)))
        if method == PASSWORD:
            version, length = await reader.readexactly(2)
            name = await reader.readexactly(length)
            (length,) = await reader.readexactly(1)
            fine = self._knows(name, await reader.readexactly(length)) and version == 1
            writer.write(bytes((1, 0 if fine else 1)))
            if not fine:
                raise SocksError("wrong password")

    def _knows(self, name: bytes, password: bytes) -> bool:
        expected = self._users.get(name.decode("utf-8", "replace"))
        return hmac.compare_digest((expected or "").encode(), password) and expected is not None

    async def _tunnel(self, target: Address, reader: StreamReader, writer: StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        where = f"{target[0]}:{target[1]}"
        try:
            server = await connect(*target)
        except (OSError, UnicodeError) as error:  # a label of 64 characters is no name
            code = REPLIES.get(getattr(error, "errno", None) or 0, FAILED)
            code = HOST_UNREACHABLE if isinstance(error, socket.gaierror | UnicodeError) else code
            print(f"{peer} CONNECT {where} failed", flush=True)
            raise SocksError(str(error), code) from None
        writer.write(reply(SUCCEEDED, server[1].get_extra_info("sockname")))
        print(f"{peer} CONNECT {where} open", flush=True)
        sent, received = await relay((reader, writer), server)
        print(f"{peer} CONNECT {where} closed {sent} {received}", flush=True)


def reply(code: int, bound: Address) -> bytes:
    """The reply to a request, with the address that is bound for it (RFC 1928 6)."""
    return bytes((VERSION, code, 0)) + pack_address(bound)


def pack_address(address: Address) -> bytes:
    """An IPv4 address and a port."""
    return bytes((IPV4,)) + socket.inet_aton(address[0]) + address[1].to_bytes(2, "big")


async def read_address(reader: StreamReader) -> Address:
    """An address or a name, and a port (RFC 1928 5). Raises SocksError."""
    (kind,) = await reader.readexactly(1)
    if kind == IPV4:
        host = socket.inet_ntoa(await reader.readexactly(4))
    elif kind == NAME:
        (length,) = await reader.readexactly(1)
        host = _name(await reader.readexactly(length))
    else:
        raise SocksError(f"address of type {kind}", NO_SUCH_ADDRESS)
    return host, int.from_bytes(await reader.readexactly(2), "big")


def unpack_datagram(data: bytes) -> tuple[Address, bytes] | None:
    """Where a client's datagram is to go, and what is in it (RFC 1928 7); None for one that is to be dropped, as
    fragments are."""
    if len(data) < 10 or data[2] != 0:
        return None
    if data[3] == IPV4:
        host, end = socket.inet_ntoa(data[4:8]), 8
    elif data[3] == NAME and len(data) >= (end := 5 + data[4]) + 2:
        try:
            host = _name(data[5:end])
        except SocksError:
            return None
    else:
        return None
    return (host, int.from_bytes(data[end : end + 2], "big")), data[end + 2 :]


def _name(data: bytes) -> str:
    try:
        name = data.decode("ascii")
    except UnicodeDecodeError:
        name = ""
    if not name or not name.isprintable():
        raise SocksError("not a name", NO_SUCH_ADDRESS)
    return name


async def _associate(reader: StreamReader, writer: StreamWriter) -> None:
    """Carry datagrams for as long as the client keeps its connection (RFC 1928 6)."""
    loop = asyncio.get_running_loop()
    here, client = writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]
    association = _Association(client)
    inside, _ = await loop.create_datagram_endpoint(lambda: _Inside(association), (here, 0))
    outside, _ = await loop.create_datagram_endpoint(lambda: _Outside(association), ("0.0.0.0", 0))
    association.inside, association.outside = inside, outside
    try:
        writer.write(reply(SUCCEEDED, inside.get_extra_info("sockname")))
        while await reader.read(4_096):
            pass
        print(f"{client} UDP {association.sent} {association.received}", flush=True)
    finally:
        association.close()


class _Association:
    """The two sockets of a client, and what went through them."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.port: int | None = None
        self.inside: Any = None
        self.outside: Any = None
        self.sent = 0
        self.received = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Free the ports."""
        self.inside.close()
        self.outside.close()
        for task in self._tasks:
            task.cancel()

    def send(self, target: Address, data: bytes) -> None:
        """Send a client's datagram; its name may have to be looked up first."""
        try:
            socket.inet_aton(target[0])
        except OSError:
            task = asyncio.get_running_loop().create_task(self._look_up(target, data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._go(target, data)

    async def _look_up(self, target: Address, data: bytes) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(*target, family=socket.AF_INET)
        except (OSError, UnicodeError):
            return
        self._go((str(found[0][4][0]), target[1]), data)

    def _go(self, target: Address, data: bytes) -> None:
        self.sent += 1
        self.outside.sendto(data, target)


class _Inside(asyncio.DatagramProtocol):
    """From the client to the world."""

    def __init__(self, association: _Association) -> None:
        self._association = association

    def datagram_received(self, data: bytes, addr: Address) -> None:
        association = self._association
        found = unpack_datagram(data)
        if addr[0] != association.client or found is None or association.port not in (None, addr[1]):
            return
        association.port = addr[1]
        association.send(*found)


class _Outside(asyncio.DatagramProtocol):
    """From the world to the client."""

    def __init__(self, association: _Association) -> None:
        self._association = association

    def datagram_received(self, data: bytes, addr: Address) -> None:
        association = self._association
        if association.port is not None:
            association.received += 1
            head = b"\0\0\0" + pack_address(addr)
            association.inside.sendto(head + data, (association.client, association.port))
