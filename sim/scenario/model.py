"""The schema of a topology: what a YAML file may say, validated, in units that the simulator counts in.

Times are ns, rates bit/s, probabilities 0 to 1; addresses are `ipaddress` values, MAC addresses lower-case text.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator, PrivateAttr, WithJsonSchema

from sim.errors import TopologyError
from sim.scenario.cables import BurstLoss, Link, LinkProperties
from sim.scenario.document import Document
from sim.scenario.expect import Comparison, Expect, PingExpect, Station, TracerouteExpect, UdpExpect
from sim.scenario.fields import Endpoint, FieldError, Model, Name, Path, Queue, Text, Whole, as_text, shown
from sim.scenario.nodes import KINDS, AnyNode, BaseNode, Host, Hub, Interface, Node, Route, Router, Switch
from sim.scenario.problems import Problem, Severity
from sim.scenario.steps import (
    STEPS,
    AnyStep,
    BaseStep,
    Frame,
    FrameStep,
    LinkChange,
    LinkStep,
    NodeChange,
    NodeStep,
    Ping,
    PingStep,
    Step,
    Traceroute,
    TracerouteStep,
    Udp,
    UdpStep,
    WaitStep,
)

__all__ = [
    "KINDS",
    "STEPS",
    "BaseNode",
    "BaseStep",
    "BurstLoss",
    "Comparison",
    "Defaults",
    "Document",
    "Endpoint",
    "Expect",
    "Frame",
    "FrameStep",
    "Host",
    "Hub",
    "Interface",
    "Link",
    "LinkChange",
    "LinkProperties",
    "LinkStep",
    "Model",
    "Node",
    "NodeChange",
    "NodeStep",
    "Ping",
    "PingExpect",
    "PingStep",
    "Queue",
    "Route",
    "Router",
    "Station",
    "Step",
    "Switch",
    "Topology",
    "Traceroute",
    "TracerouteExpect",
    "TracerouteStep",
    "Udp",
    "UdpExpect",
    "UdpStep",
    "WaitStep",
]


class Defaults(Model):
    """Properties for what does not say otherwise."""

    link: LinkProperties = Field(default_factory=LinkProperties)


def _title(value: object) -> str:
    hint = "it also names files: use letters, digits, ' ', '_', '-' and '.', up to 100"
    title = as_text(value, "a topology's name", hint)
    plain = all(character.isalnum() or character in " _-." for character in title)
    if not plain or not title.strip(" .") or len(title) > 100 or title[0] == ".":
        raise FieldError(f"{shown(title)} is not a topology's name", hint)
    return title


class Topology(Model):
    """A network and what happens in it. Made by `sim.scenario.load`, which also checks names and addresses."""

    name: Annotated[str, PlainValidator(_title), WithJsonSchema({"type": "string"})] = "topology"
    description: Text | None = None
    seed: Annotated[Whole, Field(ge=0, le=2**64 - 1)] = 0
    defaults: Defaults = Field(default_factory=Defaults)
    nodes: dict[Name, AnyNode]
    links: list[Link] = Field(default_factory=list)
    scenario: list[AnyStep] = Field(default_factory=list)

    _document: Document | None = PrivateAttr(default=None)

    @property
    def document(self) -> Document | None:
        """The YAML it came from, None for a topology made in Python."""
        return self._document

    def properties(self, link: Link) -> LinkProperties:
        """What a link is like, once the defaults have filled what it does not say."""
        return link.merged(self.defaults.link)

    def problem(
        self,
        severity: Severity,
        code: str,
        path: Path,
        message: str,
        hint: str | None = None,
        *,
        key: bool = False,
    ) -> Problem:
        """A problem with what stands at `path`, `("nodes", "pc1", "ip")`, or with its key."""
        file = line = column = source = None
        if self._document is not None:
            file = self._document.file
            line, column = self._document.locate(path, key)
            source = self._document.source(line)
        return Problem(severity, code, message, file, line, column, source, hint)

    def error(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> TopologyError:
        """A `TopologyError` that points at what stands at `path`."""
        return self.problem("error", "error", path, message, hint, key=key).error()

    @classmethod
    def of(cls, values: Any, document: Document | None = None) -> Topology:
        """The topology that plain values say. Raises pydantic's ValidationError."""
        topology = cls.model_validate(values)
        topology._document = document
        return topology
