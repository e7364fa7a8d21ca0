"""The schema of a topology: what a YAML file may say, validated, in units that the simulator counts in.

Times are ns, rates bit/s, probabilities 0 to 1; addresses are `ipaddress` values, MAC addresses lower-case text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, PrivateAttr, WithJsonSchema, model_validator

from sim.errors import TopologyError
from sim.scenario.base_node import BaseNode
from sim.scenario.blueprint import Blueprint
from sim.scenario.bridging import Bridge
from sim.scenario.cables import BurstLoss, Link, LinkProperties
from sim.scenario.dhcp import Dhcp, DhcpExpect, DhcpStepAction, Relay
from sim.scenario.dns import NameServer
from sim.scenario.document import Document
from sim.scenario.expect import (
    Comparison,
    Expect,
    PingExpect,
    ProgramExpect,
    ResolveExpect,
    Station,
    TcpExpect,
    TracerouteExpect,
    UdpExpect,
)
from sim.scenario.fields import Endpoint, FieldError, Model, Name, Path, Queue, Text, Whole, as_text, shown
from sim.scenario.members import Links, Nodes, Tables
from sim.scenario.nodes import (
    KINDS,
    AnyNode,
    Dns,
    Gateway,
    Host,
    Hub,
    Interface,
    Node,
    Route,
    Router,
    Switch,
)
from sim.scenario.outlets import Outlet, Outside, Replay, Tap, Vxlan
from sim.scenario.problems import Problem, Severity
from sim.scenario.programs import Command, Program
from sim.scenario.services import Service
from sim.scenario.shapes import Generate
from sim.scenario.steps import (
    STEPS,
    AnyStep,
    BaseStep,
    DhcpStep,
    Frame,
    FrameStep,
    HealStep,
    HttpStep,
    LinkChange,
    LinkStep,
    NodeChange,
    NodeStep,
    Partition,
    PartitionStep,
    Ping,
    PingStep,
    ProgramStep,
    Resolve,
    ResolveStep,
    Step,
    Tcp,
    TcpStep,
    ThroughputStep,
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
    "Command",
    "Comparison",
    "Defaults",
    "Dhcp",
    "DhcpExpect",
    "DhcpStep",
    "DhcpStepAction",
    "Dns",
    "Document",
    "Endpoint",
    "Expect",
    "Frame",
    "FrameStep",
    "Gateway",
    "Generate",
    "HealStep",
    "Host",
    "HttpStep",
    "Hub",
    "Interface",
    "Link",
    "LinkChange",
    "LinkProperties",
    "LinkStep",
    "Model",
    "NameServer",
    "Node",
    "NodeChange",
    "NodeStep",
    "Outlet",
    "Outside",
    "Partition",
    "PartitionStep",
    "Ping",
    "PingExpect",
    "PingStep",
    "Program",
    "ProgramExpect",
    "ProgramStep",
    "Queue",
    "Relay",
    "Replay",
    "Resolve",
    "ResolveExpect",
    "ResolveStep",
    "Route",
    "Router",
    "Service",
    "Station",
    "Step",
    "Switch",
    "Tap",
    "Tcp",
    "TcpExpect",
    "TcpStep",
    "ThroughputStep",
    "Topology",
    "Traceroute",
    "TracerouteExpect",
    "TracerouteStep",
    "Udp",
    "UdpExpect",
    "UdpStep",
    "Vxlan",
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
    generate: Generate | None = None
    routing: Literal["static", "auto"] | None = None
    written_nodes: dict[Name, AnyNode] = Field(alias="nodes")
    written_links: list[Link] = Field(default_factory=list, alias="links")
    scenario: list[AnyStep] = Field(default_factory=list)
    bridge: Bridge = Field(default_factory=Bridge)

    _document: Document | None = PrivateAttr(default=None)
    _blueprint: Blueprint = PrivateAttr(default_factory=Blueprint)
    _tables: Tables = PrivateAttr(default_factory=dict)
    _nodes: Mapping[str, Node] = PrivateAttr(default_factory=dict)
    _links: Sequence[Link] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _together(self) -> Topology:
        if self.generate is not None:
            self._blueprint = self.generate.blueprint
            for name in self.written_nodes:
                if name in self._blueprint:
                    raise FieldError(
                        f"a node called '{name}' is generated already",
                        "call this one something else",
                        at=("nodes", name),
                    )
        self.set_tables({})
        return self

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All nodes by name: the generated ones, then those in the file, with the routes that were computed."""
        return self._nodes

    @property
    def links(self) -> Sequence[Link]:
        """All links: the generated ones, then those in the file."""
        return self._links

    @property
    def blueprint(self) -> Blueprint:
        """What was generated: nothing, without `generate`."""
        return self._blueprint

    @property
    def tables(self) -> Tables:
        """The routes that were computed, by router; none with `routing: static`."""
        return self._tables

    @property
    def is_routed(self) -> bool:
        """Whether routes are computed: as `routing` says, or if there is something generated."""
        return self.generate is not None if self.routing is None else self.routing == "auto"

    def set_tables(self, tables: Tables) -> None:
        """Give the routers these routes, beside those that are written."""
        self._tables = tables
        if len(self._blueprint) or tables:
            self._nodes = Nodes(self.written_nodes, self._blueprint, tables)
            self._links = Links(self.written_links, self._blueprint)
        else:
            self._nodes, self._links = self.written_nodes, self.written_links

    @property
    def document(self) -> Document | None:
        """The YAML it came from, None for a topology made in Python."""
        return self._document

    @property
    def folder(self) -> str:
        """Where the file lies, from which the paths in it lead on; "" for text that is no file's."""
        file = "" if self._document is None or self._document.file.startswith("<") else self._document.file
        return os.path.dirname(os.path.abspath(file)) if file else ""

    def properties(self, link: Link) -> LinkProperties:
        """What a link is like, once the defaults have filled what it does not say."""
        return link.merged(self.defaults.link)

    def cables(self) -> list[LinkProperties]:
        """What each link is like, in order; generated ones share theirs."""
        plan = self._blueprint
        generated: list[LinkProperties] = []
        for count, first in ((len(plan.access), 0), (len(plan.backbone), len(plan.access))):
            generated += [self.properties(self.links[first])] * count if count else []
        return generated + [self.properties(link) for link in self.written_links]

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
            path, key = self._written(path, key)
            line, column = self._document.locate(path, key)
            source = self._document.source(line)
        return Problem(severity, code, message, file, line, column, source, hint)

    def error(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> TopologyError:
        """A `TopologyError` that points at what stands at `path`."""
        return self.problem("error", "error", path, message, hint, key=key).error()

    def _written(self, path: Path, key: bool) -> tuple[Path, bool]:
        """Where in the file stands what a path leads to: all that is generated stands under `generate`."""
        generated = len(self.links) - len(self.written_links)
        if path[:1] == ("nodes",) and len(path) > 1 and path[1] in self._blueprint:
            return ("generate",), True
        if path[:1] == ("links",) and len(path) > 1 and isinstance(path[1], int):
            index = path[1] - generated
            return (("generate",), True) if index < 0 else (("links", index, *path[2:]), key)
        return path, key

    @classmethod
    def of(cls, values: Any, document: Document | None = None) -> Topology:
        """The topology that plain values say. Raises pydantic's ValidationError."""
        topology = cls.model_validate(values)
        topology._document = document
        return topology
