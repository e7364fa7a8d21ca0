"""The stub resolver of a host: it asks name servers and believes them, in the order and with the patience of glibc.

1. A name with a dot is asked for as it stands, then with each search domain behind it; one without, the other way
   round. A dot at the end says that it is whole (resolv.conf(5), ndots:1).
2. Each server is asked by UDP, and waited for: 5 s. The next is asked when it is silent, cannot be reached, fails or
   refuses. When the last has been asked, all are asked a second time.
3. A truncated reply is asked for again by TCP.

It is an ordinary program over `socket`; in a program of a host those are the host's. dnspython reads and writes the
messages, and is imported when a question is asked.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sim.userland.resolver_settings import ResolverSettings

if TYPE_CHECKING:
    from dns.message import Message

TIMEOUT: Final = 5.0
"""Seconds that the first server is waited for (RES_TIMEOUT)."""
ATTEMPTS: Final = 2
MOST_SERVERS: Final = 3  # glibc's MAXNS
LARGEST: Final = 65_535
PORT: Final = 53
HOST_NOT_FOUND: Final = 1
TRY_AGAIN: Final = 2
NO_RECOVERY: Final = 3
NO_DATA: Final = 4
_NOERROR: Final = 0
_SERVFAIL: Final = 2
_NXDOMAIN: Final = 3
_TRY_NEXT: Final = (_SERVFAIL, 4, 5)  # NOTIMP and REFUSED


class LookupFailedError(Exception):
    """There is no answer; `code` is glibc's `h_errno`: 1 no such name, 2 try again, 3 a server's fault, 4 no data.

    `servfail`: a server has said that it failed. `reply` is what was said, if anything was.
    """

    def __init__(self, code: int, servfail: bool = False, reply: Reply | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.servfail = servfail
        self.reply = reply


@dataclass
class Reply:
    """What `server` said; `truncated`: its first reply was too long for UDP. `sent` counts the queries."""

    message: Message
    server: str
    truncated: bool = False
    sent: int = 1


@dataclass(frozen=True)
class Query:
    """What is asked: `recurse` is RD, `edns` the bytes of a reply by UDP that are welcome, 0 for no EDNS as glibc."""

    name: str
    rdtype: str = "A"
    recurse: bool = True
    edns: int = 0
    tcp: bool = False

    def message(self) -> Message:
        """The query with an id that cannot be guessed."""
        import dns.flags
        import dns.message

        query = dns.message.make_query(
            self.name, self.rdtype, use_edns=0 if self.edns else False, payload=self.edns or None
        )
        query.id = int.from_bytes(os.urandom(2), "big")
        if not self.recurse:
            query.flags &= ~dns.flags.RD
        return query


def addresses(settings: ResolverSettings, name: str) -> tuple[str, list[str], list[str]]:
    """The canonical name of a host, its aliases and its IPv4 addresses. Raises LookupFailedError."""
    reply = search(settings, Query(name))
    chain, found = answer(reply.message, "A")
    if not found:
        raise LookupFailedError(NO_DATA, reply=reply)
    return chain[-1], chain[:-1], found


def names(settings: ResolverSettings, address: str) -> list[str]:
    """The names that the reverse zones have for an IPv4 address. Raises LookupFailedError."""
    whole = ".".join(reversed(address.split("."))) + ".in-addr.arpa."
    reply = ask_all(settings.servers, Query(whole, "PTR"))
    _judge(reply)
    _, found = answer(reply.message, "PTR")
    if not found:
        raise LookupFailedError(NO_DATA, reply=reply)
    return [name.removesuffix(".") for name in found]


def search(settings: ResolverSettings, query: Query) -> Reply:
    """The first reply that answers, of those to the name and the name in each search domain (res_search(3)).

    Raises LookupFailedError.
    """
    name = query.name
    whole, dots = name.endswith("."), name.count(".")
    saved: LookupFailedError | None = None
    no_data = servfail = None
    if dots or whole:
        try:
            return _answered(settings, query)
        except LookupFailedError as error:
            saved = error
            if whole:
                raise
    for domain in settings.search:
        try:
            return _answered(settings, replace(query, name=f"{name}.{domain.strip('.')}."))
        except LookupFailedError as error:
            if error.code == NO_DATA:
                no_data = no_data or error
            elif error.code == TRY_AGAIN and error.servfail:
                servfail = servfail or error
            elif error.code != HOST_NOT_FOUND:
                break
    if saved is None:
        try:
            return _answered(settings, query)
        except LookupFailedError as error:
            saved = no_data or servfail or error
    raise saved


def ask_all(servers: Sequence[str], query: Query, any_reply: bool = False) -> Reply:
    """The first reply that is no failure and no refusal, with `any_reply` the first of all.

    Raises LookupFailedError TRY_AGAIN when none comes.
    """
    servers = servers[:MOST_SERVERS]
    tcp, sent, truncated = query.tcp, 0, False
    last: Reply | None = None
    for _ in range(ATTEMPTS):
        for number, server in enumerate(servers):
            patience = _patience(number, len(servers))
            message = query.message()
            reply = None
            if not tcp:
                sent += 1
                reply = _by_udp(message, server, patience)
                tcp = truncated = reply is not None and _is_truncated(reply)
            if tcp:
                sent += 1
                reply = _by_tcp(query.message(), server, patience)
            if reply is None:
                continue
            last = Reply(reply, server, truncated, sent)
            if any_reply or reply.rcode() not in _TRY_NEXT:
                return last
    failed = last is not None and last.message.rcode() == _SERVFAIL
    raise LookupFailedError(TRY_AGAIN, failed, last)


def answer(message: Message, rdtype: str) -> tuple[list[str], list[str]]:
    """The names from the question's along its aliases, without the dot at their ends, and the data at the last."""
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(rdtype)
    known = {(rrset.name, rrset.rdtype): rrset for rrset in message.answer}
    name = message.question[0].name
    chain = [name]
    while (name, wanted) not in known and (name, dns.rdatatype.CNAME) in known:
        name = known[name, dns.rdatatype.CNAME][0].target
        if name in chain:
            break
        chain.append(name)
    found = known.get((name, wanted))
    data = [] if found is None else [rdata.to_text() for rdata in found]
    return [one.to_text().removesuffix(".") for one in chain], data


def _patience(number: int, count: int) -> float:
    """Seconds that a server is waited for: what glibc's `res_send` computes, in whole seconds."""
    seconds = int(TIMEOUT) << number
    return float(max(1, seconds // count if number else seconds))


def _answered(settings: ResolverSettings, query: Query) -> Reply:
    reply = ask_all(settings.servers, query)
    _judge(reply)
    return reply


def _judge(reply: Reply) -> None:
    """Raise LookupFailedError for a reply that answers nothing."""
    rcode = reply.message.rcode()
    if rcode == _NXDOMAIN:
        raise LookupFailedError(HOST_NOT_FOUND, reply=reply)
    if rcode != _NOERROR:
        raise LookupFailedError(NO_RECOVERY, reply=reply)
    if not reply.message.answer:
        raise LookupFailedError(NO_DATA, reply=reply)


def _by_udp(query: Message, server: str, patience: float) -> Message | None:
    """The reply to a datagram, None when there is none in time, or no way there."""
    deadline = time.monotonic() + patience
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        try:
            own.connect((server, PORT))
            own.send(query.to_wire())
            while (left := deadline - time.monotonic()) > 0:
                own.settimeout(left)
                reply = _reply(own.recv(LARGEST), query)
                if reply is not None:
                    return reply
        except OSError:
            return None
    return None


def _by_tcp(query: Message, server: str, patience: float) -> Message | None:
    try:
        with socket.create_connection((server, PORT), patience) as own:
            wire = query.to_wire()
            own.sendall(len(wire).to_bytes(2, "big") + wire)
            size = int.from_bytes(_read(own, 2), "big")
            return _reply(_read(own, size), query)
    except (OSError, EOFError):
        return None


def _read(own: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = own.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _reply(data: bytes, query: Message) -> Message | None:
    """The reply to a query, None when these bytes are not."""
    import dns.flags
    import dns.message

    if data[:2] != query.id.to_bytes(2, "big"):
        return None
    try:
        reply: Any = dns.message.from_wire(data, ignore_trailing=True)
    except Exception:  # whatever it is that the bytes did to the parser
        return None
    matches = reply.question == query.question or (not reply.question and reply.rcode() in (1, *_TRY_NEXT))
    return reply if reply.flags & dns.flags.QR and matches else None


def _is_truncated(reply: Message) -> bool:
    import dns.flags

    return bool(reply.flags & dns.flags.TC)
