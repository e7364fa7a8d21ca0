"""A name server in a topology: its zones, what it gives to others, and whether it asks others itself.

`arguments` makes of it what `sim.services.dns.server.serve` takes: whole zones, each with a SOA and its name servers.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from sim.scenario.fields import Address, FieldError, Flag, Model, Whole, as_address, as_list, as_text, shown
from sim.scenario.records import (
    Domain,
    Records,
    RecordSet,
    Ttl,
    as_domain,
    dotted,
    full,
    is_below,
    reverse_name,
)

Record = tuple[str, int, str, str]
"""Owner, TTL, type and data, all names with their dot at the end."""

ROOT_SERVER: Final = "a.root-servers.net"
"""What a root server is called that has no name."""


def _delegation(value: object) -> dict[str, list[str]]:
    """The name servers of a delegation and their addresses: `10.0.3.53`, `ns.other.test`, a list of those, or
    `{NAME: ADDRESS or list}`. An address alone is that of a server without a name: its key is ""."""
    if isinstance(value, dict):
        if not value:
            raise FieldError("a delegation has a name server", "write its address")
        return {
            as_domain(name): [str(as_address(one)) for one in (written if isinstance(written, list) else [written])]
            for name, written in value.items()
        }
    found: dict[str, list[str]] = {}
    for one in value if isinstance(value, list) else [value]:
        text = as_text(one, "a name server", "write its address, or {ns.corp.test: ADDRESS}")
        if text.replace(".", "").isdecimal():
            found.setdefault("", []).append(str(as_address(text)))
        else:
            found.setdefault(as_domain(text), [])
    if not found:
        raise FieldError("a delegation has a name server", "write its address")
    return found


def _zone_file(value: object) -> str:
    text = as_text(value, "a zone's file", "write its path, from where this file is: corp.zone")
    if not text or "\0" in text:
        raise FieldError(f"{shown(text)} is not a file", "write its path, from where this file is: corp.zone")
    return text


Delegation = Annotated[
    dict[str, list[str]],
    PlainValidator(_delegation),
    WithJsonSchema({"type": ["string", "array", "object"], "examples": ["10.0.3.53"]}),
]
Addresses = Annotated[
    list[Address],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One address, or a list of them."""
ZoneFile = Annotated[str, PlainValidator(_zone_file), WithJsonSchema({"type": "string", "examples": ["corp.zone"]})]


class ZoneData(Model):
    """What is in a zone: its `records`, names in it written without its own, or a master file (RFC 1035 5)."""

    file: ZoneFile | None = None
    records: dict[Domain, Records] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> ZoneData:
        if self.file is not None and self.records:
            raise FieldError("'file' and 'records' exclude one another", "write them into the file", at=("records",))
        if self.file is None and not self.records:
            raise FieldError("this zone is empty", "give it records, or a file")
        return self


class NameServer(Model):
    """A DNS server. `records` are of any names: those outside of `zones` get zones made for them. `delegations` are
    parts of its zones that others serve. With `root` it serves the root zone, with `reverse` names of its addresses.

    With `recursive` it also asks others: it walks down from `root_hints`, or asks those in `forward`. `ttl` and
    `negative_ttl` (s) are for what does not say otherwise, `cache` counts what it remembers.
    """

    port: Annotated[Whole, Field(ge=1, le=65_535)] = 53
    records: dict[Domain, Records] = Field(default_factory=dict)
    zones: dict[Domain, ZoneData] = Field(default_factory=dict)
    delegations: dict[Domain, Delegation] = Field(default_factory=dict)
    root: Flag = False
    reverse: Flag = False
    recursive: Flag = False
    forward: Addresses = Field(default_factory=list)
    root_hints: Addresses = Field(default_factory=list)
    ttl: Ttl = 3600
    negative_ttl: Ttl = 300
    cache: Annotated[Whole, Field(ge=1, le=10_000_000)] = 10_000
    udp_size: Annotated[Whole, Field(ge=512, le=65_535)] = 1232

    @model_validator(mode="after")
    def _consistent(self) -> NameServer:
        origins = self._origins()
        if not origins and not self.asks:
            raise FieldError("this name server knows nothing", "give it records or zones, or recursive: true")
        for name in self.records:
            zone = self.zones.get(nearest(name, origins) or "")
            if zone is not None and zone.file is not None:
                raise FieldError(f"the zone of {name} comes from a file", "write it there", at=("records", name))
        for name in self.delegations:
            above = nearest(name.partition(".")[2] or ".", origins) if name != "." else None
            if above is None:
                hint = f"give it the zone {name.partition('.')[2] or '.'}, or remove this"
                raise FieldError(f"{name} is in none of its zones", hint, at=("delegations", name))
            if above in self.zones and self.zones[above].file is not None:
                raise FieldError(f"the zone of {name} comes from a file", "write it there", at=("delegations", name))
        return self

    @property
    def asks(self) -> bool:
        """Whether it finds answers elsewhere."""
        return self.recursive or bool(self.forward) or bool(self.root_hints)

    @property
    def is_root(self) -> bool:
        """Whether it serves the root zone."""
        return self.root or "." in self.zones

    @property
    def files(self) -> dict[str, str]:
        """The master files of its zones."""
        return {dotted(origin): zone.file for origin, zone in self.zones.items() if zone.file is not None}

    def arguments(self, own: list[str], roots: list[str]) -> dict[str, Any]:
        """What the program takes. `own` are the server's addresses, `roots` those of the topology's root servers."""
        hints = [str(address) for address in self.root_hints] or ([] if self.forward else roots)
        return {
            "port": self.port,
            "zones": self._zones(own),
            "files": self.files,
            "recursive": self.asks,
            "forward": [str(address) for address in self.forward],
            "root_hints": hints,
            "cache": self.cache,
            "udp_size": self.udp_size,
        }

    def _origins(self) -> list[str]:
        """The names of its zones: those that are written, the root, and those made for records outside of them."""
        origins = [*self.zones, *(["."] if self.root and "." not in self.zones else [])]
        made = [name for name in self.records if nearest(name, origins) is None]
        for name in sorted((_zone_for(name) for name in made), key=lambda name: (name.count("."), name)):
            if nearest(name, origins) is None:
                origins.append(name)
        return origins

    def _zones(self, own: list[str]) -> dict[str, list[Record]]:
        origins = [origin for origin in self._origins() if origin not in self.zones or self.zones[origin].file is None]
        zones: dict[str, list[Record]] = {origin: [] for origin in origins}
        for origin, zone in self.zones.items():
            for name, records in zone.records.items():
                zones[origin] += self._written(full(name, origin), origin, records)
        for name, records in self.records.items():
            origin = nearest(name, self._origins()) or "."
            zones[origin] += self._written(name, origin, records)
        if self.reverse:
            self._add_reverse(zones)
        for name, servers in self.delegations.items():
            zones[nearest(name.partition(".")[2] or ".", self._origins()) or "."] += self._cut(name, servers)
        return {dotted(origin): self._apex(origin, records, own) for origin, records in zones.items()}

    def _written(self, name: str, origin: str, records: RecordSet) -> list[Record]:
        ttl = self.ttl if records.ttl is None else records.ttl
        return [(dotted(name), ttl, kind, data) for kind, data in records.under(dotted(origin))]

    def _cut(self, name: str, servers: dict[str, list[str]]) -> list[Record]:
        """The NS records of a delegation and their glue."""
        found: list[Record] = []
        for server, addresses in servers.items():
            target = dotted(server or f"ns.{name}")
            found.append((dotted(name), self.ttl, "NS", target))
            found += [(target, self.ttl, "A", address) for address in addresses]
        return found

    def _add_reverse(self, zones: dict[str, list[Record]]) -> None:
        """A PTR record for each A record; of two names the address has the first."""
        seen: set[str] = set()
        addresses = [record for records in zones.values() for record in records if record[2] == "A"]
        for owner, ttl, _, address in addresses:
            name = reverse_name(address)
            if owner.startswith("*") or name in seen:
                continue
            seen.add(name)
            origin = nearest(name, list(zones)) or name.partition(".")[2]
            zones.setdefault(origin, []).append((dotted(name), ttl, "PTR", owner))

    def _apex(self, origin: str, records: list[Record], own: list[str]) -> list[Record]:
        """The zone with what each has: a SOA, and name servers."""
        apex = dotted(origin)
        there = {(owner, kind) for owner, _, kind, _ in records}
        server = next((data for owner, _, kind, data in records if owner == apex and kind == "NS"), None)
        made: list[Record] = []
        if server is None:
            server = dotted(ROOT_SERVER if origin == "." else f"ns.{origin}")
            made.append((apex, self.ttl, "NS", server))
            if (server, "A") not in there and (server, "CNAME") not in there:
                made += [(server, self.ttl, "A", address) for address in own]
        if (apex, "SOA") not in there:
            mailbox = "hostmaster." if origin == "." else f"hostmaster.{apex}"
            numbers = f"1 3600 600 604800 {self.negative_ttl}"
            made.insert(0, (apex, self.ttl, "SOA", f"{server} {mailbox} {numbers}"))
        return made + records


def nearest(name: str, origins: list[str]) -> str | None:
    """The longest of the zones that a name is in."""
    return max(
        (origin for origin in origins if is_below(name, origin)), key=lambda one: len(one.strip(".")), default=None
    )


def _zone_for(name: str) -> str:
    """The zone that a name gets which is in none: `corp.test` for `web.corp.test`, and for itself."""
    return name if name.count(".") < 2 else name.partition(".")[2]


HostNames = dict[Domain, Addresses]
"""Names that a host knows by itself."""
SearchList = Annotated[
    list[Domain],
    BeforeValidator(as_list),
    Field(max_length=32),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""Domains that are put behind short names."""
