"""The master files of a topology's zones (RFC 1035 5): what is wrong with them, at their own lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sim.scenario.dns import NameServer
from sim.scenario.model import Host, Topology
from sim.scenario.problems import Problem
from sim.scenario.records import dotted

if TYPE_CHECKING:
    from dns.zone import Zone

LARGEST: Final = 16 << 20
"""Bytes of a file that is read."""
_PLACE: Final = re.compile(r"(?P<line>\d+): (?P<what>.*)", re.DOTALL)


def zone_problems(topology: Topology) -> list[Problem]:
    """One problem at most for each file; those that are not there are told of elsewhere."""
    near = "" if topology.document is None else os.path.dirname(topology.document.file)
    seen: set[tuple[str, str]] = set()
    found: list[Problem] = []
    for server in _servers(topology):
        for origin, file in server.files.items():
            path = os.path.join(topology.folder, file)
            if os.path.isfile(path) and (origin, path) not in seen:
                seen.add((origin, path))
                problem = zone_problem(origin, path, os.path.join(near, file))
                found += [] if problem is None else [problem]
    return found


def _servers(topology: Topology) -> Iterator[NameServer]:
    for node in topology.written_nodes.values():
        for service in node.served if isinstance(node, Host) else ():
            if service.dns is not None:
                yield service.dns


def zone_problem(origin: str, path: str, shown: str) -> Problem | None:
    """What is wrong with a zone's file, None when it can be served; `shown` is what it is called."""
    import dns.rdatatype

    try:
        if os.path.getsize(path) > LARGEST:
            return _problem(shown, "", 0, f"it is larger than {LARGEST >> 20} MiB")
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        return _problem(shown, "", 0, f"it cannot be read: {error}")
    parsed = _parsed(text, origin)
    if isinstance(parsed, str):
        line, what = _place_of(text, origin, parsed)
        return _problem(shown, text, line, f"this is not a zone file: {what}")
    zone = parsed
    soa = zone.get_rdataset(dotted(origin), dns.rdatatype.SOA)
    servers = zone.get_rdataset(dotted(origin), dns.rdatatype.NS)
    if soa is None or servers is None:
        kind = "SOA" if soa is None else "NS"
        return _problem(shown, text, 1, f"the zone {origin} has no {kind} record", "each zone has a SOA and NS records")
    return None


def _parsed(text: str, origin: str) -> Zone | str:
    """The zone, or what is wrong with the text."""
    import dns.exception
    import dns.zone

    try:
        return dns.zone.from_text(text, origin, relativize=False, check_origin=False, filename="", allow_include=False)
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        return str(error) or type(error).__name__


def _place_of(text: str, origin: str, error: str) -> tuple[int, str]:
    """The line (0 for none) and the words of an error: dnspython may have read the end of the line already."""
    place = _PLACE.search(error)
    if place is None:
        return 0, error
    line, what = int(place["line"]), place["what"].rstrip(".")
    before = _parsed("".join(text.splitlines(keepends=True)[: line - 1]), origin)
    again = _PLACE.search(before) if isinstance(before, str) else None
    return (line - 1 if again is not None and again["what"].rstrip(".") == what else line), what


def _problem(file: str, text: str, line: int, what: str, hint: str | None = None) -> Problem:
    lines = text.splitlines()
    source = lines[line - 1].replace("\t", " ") if 0 < line <= len(lines) and len(lines[line - 1]) < 200 else None
    column = 1 if source is None else len(source) - len(source.lstrip()) + 1
    return Problem("error", "bad-zone", what, file, line or None, column if line else None, source, hint)
