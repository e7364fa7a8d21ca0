"""A topology as the drawings see it: devices, links with their words, and the segments they form.

A *segment* is a broadcast domain: the links that hubs and switches join into one. Its label is the IP networks of the
interfaces on it, so that a reader sees where one subnet ends and the next begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any, Final

from sim.units import format_bitrate, format_duration
from sim.views.text import printable

if TYPE_CHECKING:
    import networkx as nx

FORWARDS_PACKETS: Final = ("router", "gateway")
FORWARDS_FRAMES: Final = ("hub", "switch")


@dataclass(slots=True)
class Device:
    """One node: `addresses` are `(port, "address/length")`, the port empty when the file names none; `position` is
    where the file wants it to be drawn, `label` and `description` are words that it has for people."""

    name: str
    kind: str
    addresses: list[tuple[str, str]] = field(default_factory=list)
    gateway: str | None = None
    links: list[int] = field(default_factory=list)
    position: tuple[float, float] | None = None
    label: str = ""
    description: str = ""

    @property
    def is_end(self) -> bool:
        """Whether it only sends and receives: a host of any kind, not a box that forwards."""
        return self.kind not in FORWARDS_PACKETS and self.kind not in FORWARDS_FRAMES


@dataclass(slots=True)
class Link:
    """One link: `ends` are `(device, port)`; `text` its properties as words; `segment` counts from 0."""

    index: int
    ends: tuple[tuple[str, str], tuple[str, str]]
    text: str
    segment: int = 0

    def other(self, name: str) -> str:
        """The device at the end that is not `name`."""
        (a, _), (b, _) = self.ends
        return b if a == name else a

    def port(self, name: str) -> str:
        """The port at `name`'s end."""
        (a, port_a), (_, port_b) = self.ends
        return port_a if a == name else port_b


@dataclass(slots=True)
class Plan:
    """All that a drawing needs. `usual` is the text most links share: drawings say it once, in the caption."""

    title: str
    devices: dict[str, Device]
    links: list[Link]
    segments: list[str]
    usual: str

    def positions(self) -> dict[str, tuple[float, float]]:
        """Where all devices stand; empty unless the file says it of each."""
        found = {device.name: device.position for device in self.devices.values() if device.position is not None}
        return found if len(found) == len(self.devices) else {}

    def mark(self, link: Link) -> str:
        """The words to write beside `link`: nothing when it is like most of them."""
        return "" if link.text == self.usual else link.text


def plan(graph: nx.MultiGraph[str], title: str = "") -> Plan:
    """Read `graph` (see `sim.scenario.graph`), in the order of the file."""
    devices = [_device(str(name), data) for name, data in graph.nodes(data=True)]
    found = sorted((data for _, _, data in graph.edges(data=True)), key=lambda data: int(data["index"]))
    links = []
    for index, data in enumerate(found):
        (a, port_a), (b, port_b) = data["ends"]
        ends = ((str(a), str(port_a)), (str(b), str(port_b)))
        links.append(Link(index, ends, link_text(_mapping(data.get("properties") or {}))))
    return made(title, devices, links)


def made(title: str, devices: Iterable[Device], links: list[Link]) -> Plan:
    """The plan of these devices and links, which are told of each other here."""
    by_name = {device.name: device for device in devices}
    for link in links:
        for name in dict.fromkeys(name for name, _ in link.ends):
            by_name[name].links.append(link.index)
    return Plan(printable(title), by_name, links, _segments(by_name, links), _usual(links))


def _device(name: str, data: Mapping[str, Any]) -> Device:
    spec = data.get("spec")
    addresses: list[tuple[str, str]] = []
    interfaces = getattr(spec, "interfaces", None) or {}
    for port, interface in interfaces.items():
        addresses += [(str(port), str(own)) for own in _each(getattr(interface, "ip", None))]
        addresses += [(str(port), "dhcp")] if getattr(interface, "dhcp", False) else []
    if not interfaces:  # one interface, its address written at the node
        addresses += [("", str(own)) for own in _each(getattr(spec, "ip", None))]
    gateway = getattr(spec, "gateway", None)
    position = getattr(spec, "position", None)
    label, description = (str(getattr(spec, word, None) or "") for word in ("label", "description"))
    return Device(
        name,
        str(data["kind"]),
        addresses,
        str(gateway) if gateway else None,
        position=position,
        label=label,
        description=description,
    )


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def short_port(device: str, port: str) -> str:
    """`eth0` for `h1-eth0`: beside the box of h1 the rest is noise."""
    return printable(port.removeprefix(device + "-"))


def summary(link: Link) -> str:
    """A link on one line: `sw1:1 - pc1:eth0, 1Gbps 10us`."""
    (a, port_a), (b, port_b) = link.ends
    ends = f"{printable(a)}:{short_port(a, port_a)} - {printable(b)}:{short_port(b, port_b)}"
    return f"{ends}, {link.text}" if link.text else ends


def _mapping(properties: Any) -> Mapping[str, Any]:
    """What a link is like by name: its rate and delay always, the rest only where the file says so."""
    if isinstance(properties, Mapping):
        return properties
    always = {"bandwidth": properties.bandwidth, "delay": properties.delay}
    return always | dict(properties.changes())


def link_text(properties: Mapping[str, Any]) -> str:
    """`10Mbps 20ms ±2ms 1% loss queue 100`: what was set, in the order people say it; zeros are left out."""
    words = [(_ORDER.get(name, len(_ORDER)), _word(name, value)) for name, value in properties.items() if value]
    return printable(" ".join(word for _, word in sorted(words, key=lambda found: found[0]) if word))


_ORDER: Final = {name: place for place, name in enumerate(("state", "bandwidth", "delay", "jitter", "loss"))}


def _word(name: str, value: Any) -> str:
    called = name.replace("_", " ")
    if name == "state":
        return "" if value == "up" else str(value).upper()
    if name == "bandwidth":
        return format_bitrate(value)
    if name == "delay":
        return format_duration(value)
    if name == "jitter":
        return f"±{format_duration(value)}"
    if name == "queue" and not isinstance(value, int):
        return f"queue {value.bytes}B" if value.bytes else f"queue {value.frames}"
    if name.endswith("delay"):
        return f"{called} {format_duration(value)}"
    if isinstance(value, float):
        return f"{value * 100:.4g}% {called}"
    return f"{called} {value}" if isinstance(value, (int, str)) else called


def _usual(links: list[Link]) -> str:
    counts = Counter(link.text for link in links)
    if not counts:
        return ""
    text, count = counts.most_common(1)[0]
    return text if count * 2 >= len(links) else ""


def _segments(devices: dict[str, Device], links: list[Link]) -> list[str]:
    """Number the segments on the links, in file order, and return their labels."""
    owner = list(range(len(links)))

    def root(index: int) -> int:
        while owner[index] != index:
            owner[index] = owner[owner[index]]
            index = owner[index]
        return index

    for device in devices.values():
        if device.kind in FORWARDS_FRAMES:
            for index in device.links[1:]:
                owner[root(index)] = root(device.links[0])
    numbers: dict[int, int] = {}
    networks: list[dict[str, None]] = []
    for link in links:
        link.segment = numbers.setdefault(root(link.index), len(numbers))
        if link.segment == len(networks):
            networks.append({})
        for name, port in link.ends:
            networks[link.segment].update(dict.fromkeys(_networks(devices[name], port)))
    return [", ".join(found) for found in networks]


def _networks(device: Device, port: str) -> list[str]:
    """The IP networks of the addresses that `device` has on `port`; an address without a port is its first link's."""
    found = []
    for own_port, text in device.addresses:
        if own_port == port or not own_port:
            try:
                found.append(str(ip_interface(text).network))
            except ValueError:  # a drawing of a faulty file is still a drawing
                continue
    return found
