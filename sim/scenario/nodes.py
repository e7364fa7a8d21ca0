"""The kinds of node: host, hub, switch, router, gateway, dns, and those with a bare port. A kind is here when a device
stands behind it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from sim import units
from sim.scenario.base_node import BaseNode
from sim.scenario.cables import Mtu
from sim.scenario.dhcp import Relays
from sim.scenario.dns import Addresses, HostNames, NameServer, SearchList
from sim.scenario.fields import (
    ADDRESS_FORMS,
    Address,
    Duration,
    FieldError,
    Flag,
    Group,
    InterfaceAddresses,
    Model,
    Name,
    OwnMac,
    Prefix,
    Text,
    Whole,
    as_list,
    shown,
)
from sim.scenario.firewall import Firewall
from sim.scenario.nat import Nat
from sim.scenario.outlets import Replay, Tap, Vxlan
from sim.scenario.services import Service


def ask_dhcp(value: Any) -> Any:
    """`ip: dhcp` is no address, but where to get one."""
    if isinstance(value, dict) and value.get("ip") == "dhcp":
        return {key: item for key, item in value.items() if key != "ip"} | {"dhcp": True}
    return value


class Interface(Model):
    """A port with IP addresses: `10.0.0.1/30`, a list of those, or a mapping.

    Without a `mac` one is made for it; without an `mtu` (see `model_fields_set`) it has its link's, or 1500. With
    `dhcp`, which `ip: dhcp` is short for, its address is leased.
    """

    ip: InterfaceAddresses = Field(default_factory=list)
    dhcp: Flag = False
    mac: OwnMac | None = None
    mtu: Mtu = 1500

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return ask_dhcp({"ip": value} if isinstance(value, str | list) else value)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [*ADDRESS_FORMS, handler(core)]}


class Route(Model):
    """Where a prefix leads: to the next hop `via`, out of the interface `dev`, or both. Of several the lowest
    `metric` wins; equals share the flows."""

    via: Address | None = None
    dev: Name | None = None
    metric: Annotated[Whole, Field(ge=0, le=2**32 - 1)] = 0

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"via": value} if isinstance(value, str | int | float) else value

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Route:
        if self.via is None and self.dev is None:
            raise FieldError("a route leads to a next hop or out of an interface", "give it via or dev")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "examples": ["10.0.0.2"]}, handler(core)]}


class _OneOrMore:
    """In the JSON Schema, a list that may be written as its only item."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(core)
        return {"anyOf": [several["items"], several]}


RouteList = Annotated[list[Route], BeforeValidator(as_list), Field(min_length=1), _OneOrMore]
Routes = dict[Prefix, RouteList]


class Machine(BaseNode):
    """What hosts and routers have: `services` that run from the beginning, and what they know about names: their name
    servers `dns`, in the order in which they are asked, the domains in which they `search` for short names, and
    `hosts`, the names that they know by themselves."""

    dns: Addresses = Field(default_factory=list)
    search: SearchList = Field(default_factory=list)
    hosts: HostNames = Field(default_factory=dict)
    services: list[Service] = Field(default_factory=list)

    @property
    def served(self) -> list[Service]:
        """What it serves from the beginning."""
        return self.services


class Host(Machine):
    """A computer: one interface eth0 with `ip`, `mac` and `mtu`, or several `interfaces`.

    Once validated, `interfaces` holds the interfaces in both cases, and those three are only what was written.
    """

    kind: Literal["host"]
    ip: InterfaceAddresses = Field(default_factory=list)
    dhcp: Flag = False
    mac: OwnMac | None = None
    mtu: Mtu = 1500
    interfaces: dict[Name, Interface] = Field(default_factory=dict)
    gateway: Address | None = None
    routes: Routes = Field(default_factory=dict)
    join: list[Group] = Field(default_factory=list)
    arp: dict[Address, OwnMac] = Field(default_factory=dict)
    congestion: Text | None = None
    ecn: Literal["off", "ask", "accept"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _leased(cls, value: Any) -> Any:
        return ask_dhcp(value)

    @model_validator(mode="after")
    def _one_form(self) -> Host:
        written = [key for key in ("ip", "dhcp", "mac", "mtu") if key in self.model_fields_set]
        if not self.interfaces:
            eth0 = Interface.model_construct(**{key: getattr(self, key) for key in written})
            self.__dict__["interfaces"] = {"eth0": eth0}  # the model is frozen for everybody else
        elif written and "interfaces" in self.model_fields_set:
            raise FieldError(
                f"'{written[0]}' and 'interfaces' exclude one another",
                f"put {written[0]} into one of the interfaces",
                at=(written[0],),
            )
        leased = [interface for interface in self.interfaces.values() if interface.dhcp]
        if self.gateway is not None and leased and len(leased) == len(self.interfaces):
            raise FieldError(
                "the gateway comes with the lease", "remove it; the server's router: says which it is", at=("gateway",)
            )
        return self


class Dns(Host, NameServer):
    """A host that answers names: all that a host has, and what its name server does. Further `services` stand beside
    it."""

    kind: Literal["dns"]  # type: ignore[assignment]

    @property
    def served(self) -> list[Service]:
        written = {key: getattr(self, key) for key in NameServer.model_fields}
        return [Service.model_construct(_fields_set={"dns"}, dns=NameServer.model_construct(**written)), *self.services]


class Router(Machine):
    """A router: forwards between its interfaces by longest prefix match."""

    kind: Literal["router"]
    interfaces: Annotated[dict[Name, Interface], Field(min_length=1)]
    routes: Routes = Field(default_factory=dict)
    firewall: Firewall | None = None
    dhcp_relay: Relays = Field(default_factory=dict)


class Gateway(Router):
    """A router that translates addresses between its interface to the outside and all others."""

    kind: Literal["gateway"]  # type: ignore[assignment]
    nat: Nat = Field(default_factory=Nat)


class Switch(BaseNode):
    """A learning switch. `ageing` (ns) is how long it remembers an address that it no longer hears, `table_size` is
    how many it can."""

    kind: Literal["switch"]
    ageing: Annotated[Duration, Field(gt=0)] = 300 * units.SECOND
    table_size: Annotated[Whole, Field(ge=1, le=1_000_000)] = 8192


class Hub(BaseNode):
    """A repeater: what comes in by one port goes out by all the others."""

    kind: Literal["hub"]


KINDS: Final[dict[str, type[BaseNode]]] = {
    "dns": Dns,
    "gateway": Gateway,
    "host": Host,
    "hub": Hub,
    "replay": Replay,
    "router": Router,
    "switch": Switch,
    "tap": Tap,
    "vxlan": Vxlan,
}


def _check_kind(value: Any) -> Any:
    """Say what is wrong with a kind in better words than a discriminated union has."""
    if isinstance(value, BaseNode):
        return value
    hint = f"kinds are {', '.join(KINDS)}"
    if not isinstance(value, dict):
        raise FieldError(f"a node is a mapping with a kind, not {shown(value)}", "write {kind: host}; " + hint)
    if "kind" not in value:
        raise FieldError("this node has no kind", f"add kind: host; {hint}")
    kind = value["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise FieldError(f"there is no kind of node {shown(kind)}", _similar(kind, hint), at=("kind",))
    return value


def _similar(kind: object, known: str) -> str:
    close = get_close_matches(str(kind)[:64].lower(), KINDS, 1)
    return f"did you mean '{close[0]}'? {known}" if close else known


Node = Dns | Gateway | Host | Hub | Replay | Router | Switch | Tap | Vxlan
AnyNode = Annotated[Annotated[Node, Field(discriminator="kind")], BeforeValidator(_check_kind)]
