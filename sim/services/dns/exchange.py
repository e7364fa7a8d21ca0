"""One question to one server: by UDP from a port and with an id that cannot be guessed, by TCP where that is too short.

A reply counts when it comes from whom it was sent to, to the port it was sent from, with the id and the question of the
query (RFC 5452 9.1). Whatever else comes is left aside, and the waiting goes on.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any, Final

import dns.flags
import dns.message
import dns.rcode
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

LOWEST_PORT: Final = 1024
PORT_TRIES: Final = 8
UDP_SIZE: Final = 1232
"""Bytes of a reply by UDP that we ask for: it fits into the smallest MTU of IPv6 (DNS flag day 2020)."""


@dataclass(frozen=True)
class Question:
    """What is asked: `recurse` sets RD; `edns` is 0 for none, else the bytes of a reply by UDP that are welcome."""

    name: Name
    rdtype: RdataType
    recurse: bool = False
    edns: int = UDP_SIZE

    def message(self) -> Message:
        """A query with a fresh id."""
        query = dns.message.make_query(
            self.name, self.rdtype, use_edns=0 if self.edns else False, payload=self.edns or None
        )
        query.id = int.from_bytes(os.urandom(2), "big")
        if not self.recurse:
            query.flags &= ~dns.flags.RD
        return query


async def ask(question: Question, address: str, port: int, timeout: float) -> Message:
    """The reply of a server. Raises OSError (TimeoutError among them) when none came, or none that can be read."""
    async with asyncio.timeout(timeout):
        reply = await by_udp(question, address, port)
    if reply.flags & dns.flags.TC:
        async with asyncio.timeout(timeout):
            reply = await by_tcp(question, address, port)
    if question.edns and reply.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP) and reply.edns < 0:
        # RFC 6891 7: a server that knows no EDNS is asked again without
        return await ask(Question(question.name, question.rdtype, question.recurse, 0), address, port, timeout)
    return reply


async def by_udp(question: Question, address: str, port: int) -> Message:
    """The reply to one datagram. Raises OSError."""
    query = question.message()
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Message] = loop.create_future()
    transport = await _endpoint(query, done, address, port)
    try:
        transport.sendto(query.to_wire())
        return await done
    finally:
        transport.close()


async def by_tcp(question: Question, address: str, port: int) -> Message:
    """The reply over a connection of its own. Raises OSError."""
    query = question.message()
    reader, writer = await asyncio.open_connection(address, port)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)  # RFC 7766 8: in one go
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = read_reply(await reader.readexactly(size), query)
    except asyncio.IncompleteReadError:
        raise ConnectionError("the connection ended before the reply") from None
    finally:
        writer.close()
    if reply is None:
        raise ConnectionError("what came is no reply to the question")
    return reply


def read_reply(data: bytes, query: Message) -> Message | None:
    """The reply to a query, None when these bytes are not."""
    if len(data) < 12 or data[:2] != query.id.to_bytes(2, "big"):
        return None
    try:
        reply = dns.message.from_wire(data, ignore_trailing=True)
    except Exception:  # whatever it is that the bytes did to the parser
        return None
    if not reply.flags & dns.flags.QR or reply.opcode() != query.opcode():
        return None
    if reply.question == query.question or (not reply.question and reply.rcode() == dns.rcode.FORMERR):
        return reply
    return None


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, query: Message, done: asyncio.Future[Message]) -> None:
        self._query = query
        self._done = done

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = read_reply(data, self._query)
        if reply is not None and not self._done.done():
            self._done.set_result(reply)

    def error_received(self, exc: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(exc)


async def _endpoint(
    query: Message, done: asyncio.Future[Message], address: str, port: int
) -> asyncio.DatagramTransport:
    """A socket that hears nobody but the server, on a port of its own. Raises OSError."""
    loop = asyncio.get_running_loop()
    for left in reversed(range(PORT_TRIES)):
        own = LOWEST_PORT + int.from_bytes(os.urandom(4), "big") % (0x10000 - LOWEST_PORT)
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Waiting(query, done), ("0.0.0.0", own), (address, port)
            )
        except OSError:
            if not left:
                raise
        else:
            return transport
    raise AssertionError("the last try has raised")
