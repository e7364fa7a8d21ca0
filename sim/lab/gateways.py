"""Gateways and firewalls: from what a topology, or a call in Python, says of them to devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sim.devices.device import Device
from sim.devices.gateway import Gateway
from sim.devices.node import IpNode
from sim.errors import TopologyError
from sim.lab.nodes import LabRouter
from sim.lab.running import Running
from sim.links.port import Receiver
from sim.stack.translation import firewall as rules
from sim.stack.translation import flows, mappings, translator
from sim.stack.translation.conntrack import Timeouts
from sim.stack.translation.translator import Translator

if TYPE_CHECKING:
    from sim.scenario.fields import Model
    from sim.scenario.firewall import Firewall, Match, Rule
    from sim.scenario.nat import Nat

    M = TypeVar("M", bound=Model)

PROTOCOLS = {"icmp": flows.ICMP, "tcp": flows.TCP, "udp": flows.UDP}


class LabGateway(LabRouter, Gateway):
    """A gateway of a network, or (with the kind `router`) a router with a firewall."""


def set_firewall(router: LabGateway, firewall: Firewall | Mapping[str, Any]) -> None:
    """Give a router or a gateway a firewall, in the words of a topology. Raises TopologyError."""
    from sim.scenario.firewall import Firewall

    spec = validated(Firewall, firewall, router.name)
    router.set_firewall(rules.Firewall([_rule(rule) for rule in spec.rules], rules.ACTIONS.index(spec.policy)))


def configure(gateway: LabGateway, nat: Nat | Mapping[str, Any], firewall: Firewall | Mapping[str, Any] | None) -> None:
    """Let a gateway that has its interfaces translate, in the words of a topology. Raises TopologyError."""
    from sim.scenario.nat import Nat

    spec = validated(Nat, nat, gateway.name)
    try:
        outside = gateway.interface(spec.outside)
    except KeyError:
        names = [interface.name for interface in gateway.stack.interfaces if not interface.loopback]
        raise TopologyError(
            f"{gateway.name} has no interface {spec.outside!r} to the outside",
            hint=f"call one of {', '.join(names) or 'its interfaces'} {spec.outside}, or name it as outside",
        ) from None
    made = Translator(outside, _mapping_table(gateway, spec), _hairpin(spec))
    _add_forwards(made, spec)
    timeouts = spec.timeouts
    lifetimes = Timeouts(timeouts.udp, timeouts.tcp, timeouts.tcp_transitory, timeouts.icmp, timeouts.other)
    gateway.set_translator(made, lifetimes, spec.table_size)
    for public, inside in spec.static.items():
        if public.packed in gateway.stack.own:
            raise TopologyError(f"{public} is {gateway.name}'s own address", hint="forward ports of it instead")
        gateway.add_static(public.packed, inside.packed)
    if firewall is not None:
        set_firewall(gateway, firewall)


def behind(net: Running, address: bytes, protocol: int, port: int) -> tuple[IpNode | None, int]:
    """Who answers at an address and port, and at which port of its own: the owner of the address, or the inside host
    that a gateway leads them to."""
    owner = net.address_owner(address)
    if isinstance(owner, Gateway) and owner.translator is not None:
        to, to_port = owner.translator.target(protocol, address, port)
        if to:
            return _inside_host(net, owner, to), to_port
    return owner, port


def _inside_host(net: Running, gateway: Gateway, address: bytes) -> IpNode | None:
    """Who has an address inside: of several homes, each with the same addresses, the one behind this gateway."""
    assert gateway.translator is not None
    peers = {port: link.ports[1 - side] for link in net.links for side, port in enumerate(link.ports)}
    waiting = [port for port in gateway.ports if port.name != gateway.translator.outside.name]
    seen: list[Receiver] = [gateway]
    while waiting:
        peer = peers.get(waiting.pop(0))
        if peer is None or peer.owner in seen:
            continue
        seen.append(peer.owner)
        if isinstance(peer.owner, IpNode) and peer.owner.stack.is_local(address):
            return peer.owner
        if isinstance(peer.owner, Device):
            waiting += peer.owner.ports
    return None


def first_sender(net: Running, sender: tuple[bytes, int], receiver: tuple[bytes, int]) -> tuple[bytes, int]:
    """The end that a TCP connection was opened from, which at its other end looks as if it were from `sender`."""
    flow = flows.make(flows.TCP, sender[0], sender[1].to_bytes(2, "big"), receiver[0], receiver[1].to_bytes(2, "big"))
    gateways = [node for node in net.nodes.values() if isinstance(node, Gateway)]
    for _ in gateways:
        flow = next((sent for gateway in gateways if (sent := gateway.flow_as_it_came(flow)) != flow), flow)
    return flow[1:5], int.from_bytes(flow[9:11], "big")


def validated(kind: type[M], value: M | Mapping[str, Any], name: str) -> M:
    """A model of a mapping. Raises TopologyError."""
    from pydantic import ValidationError

    if isinstance(value, kind):
        return value
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        cause = first.get("ctx", {}).get("error")
        raise TopologyError(f"{name}: {where}: {message}", hint=getattr(cause, "hint", None)) from None


def _mapping_table(gateway: Gateway, spec: Nat) -> mappings.MappingTable:
    mapping, filtering = mappings.BEHAVIOURS[spec.behaviour]
    if spec.mapping is not None:
        mapping = mappings.DEPENDENCE.index(spec.mapping)
    if spec.filtering is not None:
        filtering = mappings.DEPENDENCE.index(spec.filtering)
    return mappings.MappingTable(mapping, filtering, *spec.ports, gateway.is_occupied)


def _hairpin(spec: Nat) -> int:
    if spec.hairpin == "internal-source":
        return translator.HAIRPIN_INTERNAL_SOURCE
    return translator.HAIRPIN if spec.hairpin else translator.HAIRPIN_OFF


def _add_forwards(made: Translator, spec: Nat) -> None:
    for forward in spec.forward:
        first, last = forward.port
        address, to_port = forward.to
        offset = 0 if to_port is None else to_port - first
        for port in range(first, last + 1):
            made.forward(PROTOCOLS[forward.protocol], port, address.packed, port + offset)


def _rule(spec: Rule) -> rules.Rule:
    match = spec.match
    return rules.Rule(
        rules.ACTIONS.index(spec.action),
        into=match.into or "",
        out=match.out or "",
        to_self=match.to == "self",
        sources=[(network.network_address.packed, network.prefixlen) for network in match.source],
        destinations=_destinations(match),
        protocol=_protocol(match),
        ports=match.port,
        source_ports=match.source_port,
        states=sum(rules.STATES[state] for state in dict.fromkeys(match.state)),
        answer=None if match.answer is None else rules.ANSWERS[match.answer],
    )


def _protocol(match: Match) -> int:
    protocol = match.protocol
    if protocol is None:
        return -1
    return PROTOCOLS[protocol] if isinstance(protocol, str) else protocol


def _destinations(match: Match) -> list[rules.Prefix]:
    if isinstance(match.to, str):
        return []
    return [(network.network_address.packed, network.prefixlen) for network in match.to]
