"""What a step was expected to do, against what it did. Each failure is a sentence with both."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from itertools import zip_longest
from typing import Any, Final

from sim.devices.node import IpNode
from sim.devices.switch import Switch
from sim.errors import TopologyError
from sim.lab.actions.base import Action
from sim.lab.dhcp import server_of
from sim.lab.dns_caches import cached, known_of
from sim.lab.gateway_expectations import firewall_failures, nat_failures
from sim.lab.naming import unknown
from sim.lab.network import Network
from sim.scenario.expect import Comparison, Expect, Station
from sim.tracing.journeys import Hop, is_arp
from sim.wire.addresses import format_ip, format_mac

LONGEST_SHOWN: Final = 200
"""Characters of a line that a failure quotes."""


def total_drops(net: Network) -> dict[str, int]:
    """How many frames were dropped so far, by reason, over all nodes."""
    total: dict[str, int] = {}
    for node in net.nodes.values():
        for reason, count in node.drops().items():
            total[reason] = total.get(reason, 0) + count
    return total


class Judge:
    """Checks one step's expectations. `before` is what had been dropped when the step began."""

    def __init__(self, net: Network, action: Action, before: dict[str, int]) -> None:
        self.net = net
        self.action = action
        self.before = before
        self.outcome = action.outcome()

    def failures(self, expect: Expect) -> list[str]:
        """A sentence for each expectation that was not met."""
        special: dict[str, Callable[[Any], list[str]]] = {
            "path": self._path,
            "hops": self._hops,
            "mac": self._mac,
            "arp": self._arp,
            "routes": self._routes,
            "counters": self._counters,
            "drops": self._drops,
            "nat": lambda wanted: nat_failures(self.net, wanted),
            "firewall": lambda wanted: firewall_failures(self.net, wanted),
            "printed": self._printed,
            "leases": self._leases,
            "dns": self._servers,
            "seen": self._seen,
            "unseen": self._unseen,
            "dns_cache": self._dns_cache,
            "answers": lambda texts: self._texts("answers", texts),
            "addresses": lambda texts: self._texts("addresses", texts),
            "aliases": lambda texts: self._texts("aliases", texts),
            "server": lambda address: self._result("server", str(address)),
            "stdout": self._stdout,
            "stdout_contains": lambda parts: self._contains("stdout", parts),
            "stderr_contains": lambda parts: self._contains("stderr", parts),
        }
        found: list[str] = []
        for name, wanted in expect.checks().items():
            own = self.action.check(name, wanted)
            if own is not None:
                found += own
                continue
            check = special.get(name)
            found += check(wanted) if check is not None else self._result(name, wanted)
        return found

    def path(self) -> list[str]:
        """The nodes that the step's packet went through; empty when it sent none."""
        return self.action.path()

    def _result(self, name: str, wanted: Any) -> list[str]:
        actual = self.outcome.get(name)
        if isinstance(wanted, Comparison):
            met = actual is not None and wanted.holds(actual)
            shown = None if actual is None else wanted.shown(actual)
            return [] if met else [f"{name}: expected {wanted}, got {_or_nothing(shown)}"]
        if isinstance(wanted, IPv4Address):
            met = actual == str(wanted)
        elif isinstance(wanted, str):
            met = actual is not None and wanted.lower() in str(actual).lower()
        else:
            met = actual == wanted
        return [] if met else [f"{name}: expected {_or_nothing(wanted)}, got {_or_nothing(actual)}"]

    def _path(self, wanted: list[str]) -> list[str]:
        actual = self.path()
        return [] if actual == wanted else [f"path: expected {_way(wanted)}, got {_way(actual)}"]

    def _hops(self, wanted: list[str]) -> list[str]:
        addresses = self.outcome["hops"]
        actual = [address if address in wanted else self._owner(address) for address in addresses]
        return [] if actual == wanted else [f"hops: expected {_way(wanted)}, got {_way(actual)}"]

    def _mac(self, wanted: dict[str, dict[Station, str | None]]) -> list[str]:
        found = []
        for name, table in wanted.items():
            switch = self.net[name]
            if not isinstance(switch, Switch):
                raise TopologyError(f"{name} is a {switch.kind}: it has no MAC table")
            learned = switch.mac_table()
            for station, port in table.items():
                actual = learned.get(self._mac_of(station))
                if actual != port:
                    found.append(
                        f"mac: expected {name} to have {station} at {_or_none(port)}, it has {_or_none(actual)}"
                    )
        return found

    def _arp(self, wanted: dict[str, dict[Any, Station | None]]) -> list[str]:
        found = []
        for name, table in wanted.items():
            known = self._ip_node(name).arp_table()
            for address, station in table.items():
                mac, state = known.get(str(address), ("", "failed"))
                actual = None if state in ("failed", "incomplete") else mac
                expected = None if station is None else self._mac_of(station)
                if actual != expected:
                    found.append(
                        f"arp: expected {name} to have {address} at {_or_none(expected)}, it has {_or_none(actual)}"
                    )
        return found

    def _routes(self, wanted: dict[str, dict[Any, Any]]) -> list[str]:
        found = []
        for name, table in wanted.items():
            routes = self._ip_node(name).stack.routes.routes()
            for prefix, next_hop in table.items():
                here = [
                    "direct" if route.next_hop is None else format_ip(route.next_hop)
                    for route in routes
                    if route.network == prefix.network_address.packed and route.length == prefix.prefixlen
                ]
                if (str(next_hop) not in here) if next_hop is not None else here:
                    found.append(
                        f"routes: expected {name} to reach {prefix} via {_or_none(next_hop)}, "
                        f"it has {', '.join(here) or 'nothing'}"
                    )
        return found

    def _leases(self, wanted: dict[str, dict[Station, Any]]) -> list[str]:
        found = []
        for name, table in wanted.items():
            server = server_of(self.net[name])
            if server is None:
                raise TopologyError(f"{name} has no DHCP server")
            leased = {format_mac(lease.mac): str(IPv4Address(lease.address)) for lease in server.leases()}
            for station, address in table.items():
                actual = leased.get(self._mac_of(station))
                if actual != (None if address is None else str(address)):
                    found.append(
                        f"leases: expected {name} to have leased {_or_none(address)} to {station}, "
                        f"it has leased {_or_none(actual)}"
                    )
        return found

    def _servers(self, wanted: list[Any]) -> list[str]:
        actual = self.outcome["dns"] or []
        texts = [str(address) for address in wanted]
        return [] if actual == texts else [f"dns: expected {', '.join(texts)}, got {', '.join(actual) or 'nothing'}"]

    def _counters(self, wanted: dict[str, dict[str, Comparison]]) -> list[str]:
        found = []
        for name, bounds in wanted.items():
            counters = self.net[name].counters()
            for counter, bound in bounds.items():
                if counter not in counters:
                    raise unknown(f"counter of {name}", counter, counters)
                if not bound.holds(counters[counter]):
                    found.append(f"counters: expected {name} {counter} {bound}, got {counters[counter]}")
        return found

    def _drops(self, wanted: dict[str, Comparison]) -> list[str]:
        now = total_drops(self.net)
        actual = {reason: count - self.before.get(reason, 0) for reason, count in now.items()}
        return [
            f"drops: expected {reason!r} {bound}, got {actual.get(reason, 0)}"
            + (f" (dropped were: {_counts(actual)})" if _counts(actual) else "")
            for reason, bound in wanted.items()
            if not bound.holds(actual.get(reason, 0))
        ]

    def _printed(self, wanted: dict[str, list[str]]) -> list[str]:
        found = []
        for name, parts in wanted.items():
            actual = "".join(process.stdout for process in getattr(self.net[name], "services", ()))
            last = actual.splitlines()[-1] if actual.strip() else None
            found += [
                f"printed: expected {name} to print {quoted(part)}; its last line is {quoted(last)}"
                for part in parts
                if part not in actual
            ]
        return found

    def _seen(self, wanted: list[Any]) -> list[str]:
        seen = self._ports_seen()
        return [f"seen: expected a frame at {end}, none came" for end in wanted if str(end) not in seen]

    def _unseen(self, wanted: list[Any]) -> list[str]:
        seen = self._ports_seen()
        return [f"unseen: expected no frame at {end}, but one came" for end in wanted if str(end) in seen]

    def _texts(self, name: str, wanted: list[str]) -> list[str]:
        actual: list[str] = self.outcome[name]
        if [text.lower() for text in actual] == [text.lower().removesuffix(".") for text in wanted]:
            return []
        status = self.outcome.get("status")
        shown = ", ".join(actual) or (f"none ({status})" if status else "none")
        return [f"{name}: expected {', '.join(wanted) or 'none'}, got {shown}"]

    def _dns_cache(self, wanted: dict[str, dict[str, Any]]) -> list[str]:
        found = []
        for name, entries in wanted.items():
            known = cached(self.net, name)
            for question, expected in entries.items():
                actual = known_of(known, question)
                if actual != (sorted(expected) if isinstance(expected, list) else expected):
                    found.append(
                        f"dns_cache: expected {name} to know {_listed(expected)} of {question}, "
                        f"it knows {_listed(actual)}"
                    )
        return found

    def _stdout(self, wanted: str) -> list[str]:
        """All that was printed, line by line; the end of the last one may be left out."""
        actual: str = self.outcome["stdout"]
        if actual.removesuffix("\n") == wanted.removesuffix("\n"):
            return []
        pairs = zip_longest(wanted.splitlines(), actual.splitlines())
        for number, (expected, got) in enumerate(pairs, start=1):
            if expected != got:
                return [f"stdout: line {number}: expected {quoted(expected)}, got {quoted(got)}"]
        return ["stdout: the ends of lines differ"]

    def _contains(self, stream: str, parts: list[str]) -> list[str]:
        actual: str = self.outcome[stream]
        last = actual.splitlines()[-1] if actual.strip() else None
        return [
            f"{stream}_contains: expected {quoted(part)}, which was not printed; the last line is {quoted(last)}"
            for part in parts
            if part not in actual
        ]

    def _ports_seen(self) -> set[str]:
        """The nodes and ports that the step's own frames reached; the ARP before them is not meant."""
        seen: set[str] = set()
        for root in self.action.roots:
            journey = self.net.trace.journey(root)
            own_arp = bool(journey.hops) and all(is_arp(hop.frame) for hop in journey.hops)
            for hop in journey.walk():
                if hop.arrival is not None and (own_arp or not is_arp(hop.frame)):
                    seen |= _names(hop)
        return seen

    def _mac_of(self, station: Station) -> str:
        if station.mac is not None:
            return station.mac
        assert station.endpoint is not None
        node = self.net[station.endpoint.node]
        ports = [port for port in node.ports if station.endpoint.port in (None, port.name)]
        if not ports:
            raise unknown(f"port of {node.name}", str(station.endpoint.port), [port.name for port in node.ports])
        return format_mac(ports[0].mac)

    def _ip_node(self, name: str) -> IpNode:
        node = self.net[name]
        if not isinstance(node, IpNode):
            raise TopologyError(f"{name} is a {node.kind}: it has no ARP table and no routes")
        return node

    def _owner(self, address: str) -> str:
        if address == "*":
            return address
        owner = self.net.address_owner(self.net.resolve(address))
        return address if owner is None else owner.name


def _listed(value: list[str] | str | None) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else ", ".join(value)


def _names(hop: Hop) -> set[str]:
    return {hop.receiver, f"{hop.receiver}:{hop.receiver_port}"}


def _way(names: list[str]) -> str:
    return " > ".join(names) or "nothing"


def quoted(text: str | None) -> str:
    """A line as a failure quotes it."""
    if text is None:
        return "nothing"
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _or_nothing(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()) if count)
