"""The firewall: an ordered list of rules, of which the first that fits a packet decides; if none does, the policy.

A rule sees a packet as it is inside: after its destination was translated, and before its source is (where Linux has
its filters FORWARD and INPUT). It asks for what it names, and for nothing else: the interface it came in by and goes
out by, prefixes, protocol, ports, and what connection tracking knows of it:

    new           the first packets of a connection, until the other side has answered
    established   all others of a connection
    related       an ICMP error about a packet of one
    invalid       none of these: an answer to nothing, a packet too short for its header
"""

from __future__ import annotations

from typing import Final

from sim.stack.translation import flows
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import format_prefix

ALLOW: Final = 0
DENY: Final = 1
REJECT: Final = 2
ACTIONS: Final = ("allow", "deny", "reject")

NEW: Final = 1
ESTABLISHED: Final = 2
RELATED: Final = 4
INVALID: Final = 8
STATES: Final = {"new": NEW, "established": ESTABLISHED, "related": RELATED, "invalid": INVALID}

PROHIBITED: Final = icmpv4.COMMUNICATION_PROHIBITED
PORT_UNREACHABLE: Final = icmpv4.PORT_UNREACHABLE
RESET: Final = -1
ANSWERS: Final = {"prohibited": PROHIBITED, "port-unreachable": PORT_UNREACHABLE, "reset": RESET}

PROTOCOLS: Final = {"icmp": ipv4.PROTOCOL_ICMP, "tcp": ipv4.PROTOCOL_TCP, "udp": ipv4.PROTOCOL_UDP}

Prefix = tuple[bytes, int]
"""A network and its length in bits."""


class Packet:
    """What rules ask of a packet. `out` is empty for one that is for us; `flow` is empty if it has none."""

    def __init__(self, packet: bytes, came_in: str, out: str, flow: bytes, state: int) -> None:
        self.came_in = came_in
        self.out = out
        self.protocol: int = packet[9]
        self.source: int = int.from_bytes(packet[12:16], "big")
        self.destination: int = int.from_bytes(packet[16:20], "big")
        self.source_port: int = -1
        self.port: int = -1
        self.state = state
        self.length: int = packet[2] << 8 | packet[3]
        if flow and self.protocol in (flows.TCP, flows.UDP):
            self.source_port = flow[9] << 8 | flow[10]
            self.port = flow[11] << 8 | flow[12]


class Rule:
    """One rule. What is empty, or 0, or False, asks for nothing.

    `into` and `out` are names of interfaces, `to_self` asks for packets to this node itself. `sources` and
    `destinations` are prefixes, `protocol` a number or -1, `ports` and `source_ports` ranges of TCP or UDP ports,
    `states` a sum of NEW, ESTABLISHED, ... `answer` says how a REJECT is told: an ICMP code or RESET; None is RESET
    for TCP and PROHIBITED for the rest. `packets` and `octets` count what it has decided about.
    """

    def __init__(
        self,
        action: int,
        into: str = "",
        out: str = "",
        to_self: bool = False,
        sources: list[Prefix] | None = None,
        destinations: list[Prefix] | None = None,
        protocol: int = -1,
        ports: list[tuple[int, int]] | None = None,
        source_ports: list[tuple[int, int]] | None = None,
        states: int = 0,
        answer: int | None = None,
    ) -> None:
        self.action = action
        self.into = into
        self.out = out
        self.to_self = to_self
        self.sources: list[Prefix] = sources or []
        self.destinations: list[Prefix] = destinations or []
        self.protocol = protocol
        self.ports: list[tuple[int, int]] = ports or []
        self.source_ports: list[tuple[int, int]] = source_ports or []
        self.states = states
        self.answer = answer
        self.packets: int = 0
        self.octets: int = 0
        self.text: str = _text(self)
        self._sources = [_mask(prefix) for prefix in self.sources]
        self._destinations = [_mask(prefix) for prefix in self.destinations]

    def fits(self, packet: Packet) -> bool:
        """Whether it decides about a packet."""
        if self.states and not packet.state & self.states:
            return False
        if self.protocol >= 0 and packet.protocol != self.protocol:
            return False
        if (self.into and packet.came_in != self.into) or (self.out and packet.out != self.out):
            return False
        if self.to_self and packet.out:
            return False
        if self._sources and not _within(packet.source, self._sources):
            return False
        if self._destinations and not _within(packet.destination, self._destinations):
            return False
        if self.ports and not _in_range(packet.port, self.ports):
            return False
        return not self.source_ports or _in_range(packet.source_port, self.source_ports)

    def count(self, packet: Packet) -> None:
        """It has decided about a packet."""
        self.packets += 1
        self.octets += packet.length

    def __repr__(self) -> str:
        return f"<{self.text}>"


class Firewall:
    """Rules in order, and the `policy` for what fits none: ALLOW, DENY or REJECT."""

    def __init__(self, rules: list[Rule], policy: int = ALLOW) -> None:
        self.rules = rules
        self.policy = Rule(policy)
        self.names: dict[str, Rule] = {f"rule {number}": rule for number, rule in enumerate(rules, start=1)}
        self.names["policy"] = self.policy
        self._reasons = {name: f"firewall {name} ({rule.text})" for name, rule in self.names.items()}

    def asks_for_state(self) -> bool:
        """Whether it needs connections to be tracked."""
        return any(rule.states != 0 for rule in self.rules)

    def judge(self, packet: Packet) -> str:
        """The name of the rule that decides about a packet: `rule 3`, or `policy`. It is counted."""
        found = "policy"
        for name, rule in self.names.items():
            if rule is self.policy or rule.fits(packet):
                found = name
                break
        self.names[found].count(packet)
        return found

    def reason(self, name: str) -> str:
        """What a rule is called where it has dropped something: `firewall rule 3 (deny tcp to port 22)`."""
        return self._reasons[name]


def _text(rule: Rule) -> str:
    """The rule in words, in the order of a sentence."""
    words = [ACTIONS[rule.action]]
    states = [name for name, bit in STATES.items() if rule.states & bit]
    if states:
        words.append("/".join(states))
    if rule.protocol >= 0:
        words.append(flows.protocol_name(rule.protocol))
    if rule.sources or rule.source_ports:
        words += ["from", *_ends(rule.sources, rule.source_ports)]
    if rule.to_self:
        words += ["to self", *_ends([], rule.ports)]
    elif rule.destinations or rule.ports:
        words += ["to", *_ends(rule.destinations, rule.ports)]
    if rule.into:
        words.append(f"in {rule.into}")
    if rule.out:
        words.append(f"out {rule.out}")
    return " ".join(words)


def _ends(prefixes: list[Prefix], ports: list[tuple[int, int]]) -> list[str]:
    words = [", ".join([_show(prefix) for prefix in prefixes])] if prefixes else []
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ports]
    return [*words, f"port {', '.join(shown)}"] if shown else words


def _show(prefix: Prefix) -> str:
    """A network with its length, an address without."""
    text = format_prefix(*prefix)
    return text.removesuffix("/32")


def _mask(prefix: Prefix) -> tuple[int, int]:
    mask = (0xFFFFFFFF << (32 - prefix[1])) & 0xFFFFFFFF
    return int.from_bytes(prefix[0], "big") & mask, mask


def _within(address: int, networks: list[tuple[int, int]]) -> bool:
    return any(address & mask == network for network, mask in networks)


def _in_range(port: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= port <= last for first, last in ranges)
