"""A plan as plain data, to be stored with a trace, and back; and the plan of a recording that has none."""

from __future__ import annotations

from typing import Any

from sim.tracing.recorder import Recorder
from sim.views.diagram.plan import Device, Link, Plan, made

Data = dict[str, Any]


def plan_data(plan: Plan) -> Data:
    """What `plan_of` makes the plan of again."""
    return {
        "title": plan.title,
        "devices": [
            {
                "name": one.name,
                "kind": one.kind,
                "addresses": [list(own) for own in one.addresses],
                "gateway": one.gateway,
                "position": one.position,
                "label": one.label,
                "description": one.description,
            }
            for one in plan.devices.values()
        ],
        "links": [{"ends": [list(end) for end in link.ends], "text": link.text} for link in plan.links],
    }


def plan_of(data: Data) -> Plan:
    """The plan that `plan_data` was made of. Raises KeyError, TypeError or ValueError for other data."""
    devices = [
        Device(
            str(one["name"]),
            str(one["kind"]),
            [(str(port), str(address)) for port, address in one["addresses"]],
            None if one["gateway"] is None else str(one["gateway"]),
            position=_point(one["position"]),
            label=str(one["label"]),
            description=str(one["description"]),
        )
        for one in data["devices"]
    ]
    links = []
    for index, link in enumerate(data["links"]):
        (a, port_a), (b, port_b) = link["ends"]
        links.append(Link(index, ((str(a), str(port_a)), (str(b), str(port_b))), str(link["text"])))
    return made(str(data["title"]), devices, links)


def _point(data: Any) -> tuple[float, float] | None:
    if data is None:
        return None
    x, y = data
    return float(x), float(y)


def plan_of_recording(recorder: Recorder, title: str) -> Plan:
    """Devices and links as they were recorded, of which neither addresses nor properties are known."""
    devices = [Device(name, kind) for name, kind in zip(recorder.nodes, recorder.node_kinds, strict=True)]
    links: list[Link] = []
    for port, peer in enumerate(recorder.port_peers):
        node, other = recorder.port_nodes[port], recorder.port_nodes[peer]
        if port < peer and node != other:
            ends = ((recorder.nodes[node], recorder.ports[port]), (recorder.nodes[other], recorder.ports[peer]))
            links.append(Link(len(links), ends, ""))
    return made(title, devices, links)
