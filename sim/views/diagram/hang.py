"""Hosts with one link need no place of their own: they can hang on the device they are plugged into.

That is what keeps fifty hosts on a tree of switches readable: a box per switch, its hosts listed under it.
"""

from __future__ import annotations

from sim.views.diagram.plan import Device, Link, Plan

Hanging = dict[str, list[tuple[Device, Link]]]


def hang(plan: Plan) -> Hanging:
    """For each device the hosts that can hang on it, with their links, in the order of the links."""
    found: Hanging = {}
    hung: set[str] = set()
    for link in plan.links:
        for name in link.ends[0][0], link.ends[1][0]:
            device, other = plan.devices[name], link.other(name)
            if device.is_end and len(device.links) == 1 and name != other and other not in hung and name not in hung:
                hung.add(name)
                found.setdefault(other, []).append((device, link))
                break
    return found


def standing(plan: Plan, hanging: Hanging) -> list[str]:
    """The devices that need a box, in the order of the file."""
    hung = {device.name for hosts in hanging.values() for device, _ in hosts}
    return [name for name in plan.devices if name not in hung]
