"""Changes to a network while it runs, in the words of a scenario: `{"node": {"name": "sw1", "state": "down"}}`."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from sim.errors import TopologyError
from sim.lab.actions.base import Cables
from sim.lab.actions.choose import action_for
from sim.lab.network import Network
from sim.scenario.fields import FieldError
from sim.scenario.messages import in_words
from sim.scenario.model import Topology
from sim.scenario.steps import HealStep, LinkStep, NodeStep, PartitionStep

CHANGES: Final[dict[str, Any]] = {
    "link": LinkStep,
    "node": NodeStep,
    "partition": PartitionStep,
    "heal": HealStep,
}


class Commands:
    """What can be done to the network of a topology from outside, at once. `cables` is what its links are like."""

    def __init__(self, topology: Topology, net: Network, cables: Cables) -> None:
        self._topology = topology
        self._net = net
        self._cables = cables

    def do(self, step: Any) -> None:
        """Do a step that changes something. Raises TopologyError for what is none, and for what cannot be done."""
        names = list(step) if isinstance(step, dict) else []
        if len(names) != 1 or names[0] not in CHANGES:
            raise TopologyError(f"a command is one of {', '.join(CHANGES)}", hint='write {"heal": true}')
        try:
            model = TypeAdapter(CHANGES[names[0]]).validate_python(step)
        except ValidationError as error:
            raise _told(error) from None
        action_for(model, self._net, self._cables, self._topology.folder, lambda: None).start()


def _told(error: ValidationError) -> TopologyError:
    """pydantic's first error in our words."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    place = ".".join(str(part) for part in first["loc"])
    if isinstance(cause, ValueError):
        return TopologyError(f"{place}: {cause}", hint=cause.hint if isinstance(cause, FieldError) else None)
    return TopologyError(f"{place} {in_words(first)}")
