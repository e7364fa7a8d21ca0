"""The master files of a topology's zones (RFC 1035 5): what is wrong with them, at their own lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from sim.scenario.dns import NameServer
from sim.scenario.model import Host, Topology
from sim.scenario.problems import Problem
from sim.scenario.records import dotted

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
    import dns.exception
    import dns.rdatatype
    import dns.zone

    try:
        if os.path.getsize(path) > LARGEST:
            return _problem(shown, "", 0, f"it is larger than {LARGEST >> 20} MiB")
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        return _problem(shown, "", 0, f"it cannot be read: {error}")
    try:
        zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False, filename="", allow_include=False)
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        place = _PLACE.search(str(error))
        line, what = (int(place["line"]), place["what"]) if place else (0, str(error) or type(error).__name__)
        return _problem(shown, text, line, f"this is not a zone file: {what}")
    soa = zone.get_rdataset(dotted(origin), dns.rdatatype.SOA)
    servers = zone.get_rdataset(dotted(origin), dns.rdatatype.NS)
    if soa is None or servers is None:
        kind = "SOA" if soa is None else "NS"
        return _problem(shown, text, 1, f"the zone {origin} has no {kind} record", "each zone has a SOA and NS records")
    return None


def _problem(file: str, text: str, line: int, what: str, hint: str | None = None) -> Problem:
    lines = text.splitlines()
    source = lines[line - 1].replace("\t", " ") if 0 < line <= len(lines) and len(lines[line - 1]) < 200 else None
    column = 1 if source is None else len(source) - len(source.lstrip()) + 1
    return Problem("error", "bad-zone", what, file, line or None, column if line else None, source, hint)
