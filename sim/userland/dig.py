"""A question to name servers and what their reply says, as a program of a host: what `dig` shows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.userland import stub_resolver
from sim.userland.resolver_settings import ResolverSettings
from sim.userland.stub_resolver import LookupFailedError, Query, Reply

SILENCE = "TIMEOUT"
NO_DATA = "NODATA"


@dataclass
class Asked:
    """What came of a question. `status` is the response code by its name; NODATA for a name that has no such records;
    TIMEOUT when nobody said anything. `aliases` are the CNAMEs' targets, `ttl` (s) is that of the answer."""

    status: str = SILENCE
    answers: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    ttl: int | None = None
    authoritative: bool = False
    truncated: bool = False
    server: str | None = None
    sent: int = 0


def dig(settings: ResolverSettings, server: str | None, name: str, rdtype: str, options: dict[str, Any]) -> Asked:
    """Ask one server, for the name as it stands; or those of `settings`, with its search domains.

    `options` are those of `stub_resolver.Query`.
    """
    query = Query(name, rdtype, **options)
    try:
        if server is not None:
            reply = stub_resolver.ask_all([server], query, any_reply=True)
        else:
            reply = stub_resolver.search(settings, query)
    except LookupFailedError as error:
        if error.reply is None:
            return Asked()
        reply = error.reply
    return _read(reply, rdtype)


def _read(reply: Reply, rdtype: str) -> Asked:
    import dns.flags
    import dns.rcode

    message = reply.message
    chain, answers = stub_resolver.answer(message, rdtype)
    found = [rrset for rrset in message.answer if rrset.name.to_text().removesuffix(".") == chain[-1]]
    status = dns.rcode.to_text(message.rcode())
    is_referral = not message.answer and any(rrset.rdtype == 2 for rrset in message.authority)
    if status == "NOERROR" and not answers and not (rdtype == "ANY" and message.answer) and not is_referral:
        status = NO_DATA
    return Asked(
        status,
        [text.removesuffix(".") if text != "." else text for text in answers],
        answers if rdtype in ("A", "AAAA") else [],
        chain[1:],
        min((rrset.ttl for rrset in found), default=None),
        bool(message.flags & dns.flags.AA),
        reply.truncated,
        reply.server,
        reply.sent,
    )
