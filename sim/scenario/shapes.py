"""`generate`: the shapes of network that a file can ask for, and their numbers. generators.py makes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PrivateAttr, model_validator

from sim.scenario import generators
from sim.scenario.blueprint import Blueprint
from sim.scenario.fields import FieldError, Model, Whole

Count = Annotated[Whole, Field(ge=1)]
Hosts = Annotated[Whole, Field(ge=0)]


class Line(Model):
    """Sites in a row: `r1` to `rN`, each with `hosts` hosts on a switch."""

    routers: Count
    hosts: Hosts = 0


class Ring(Model):
    """Sites in a circle."""

    routers: Annotated[Whole, Field(ge=3)]
    hosts: Hosts = 0


class Star(Model):
    """Sites around a router called `core`, over links of 10 Gbit/s and 100 us."""

    sites: Count
    hosts: Hosts = 0


class Tree(Model):
    """A tree of switches, `depth` levels with `fanout` below each, and hosts below the last: one network."""

    depth: Count
    fanout: Count


class FatTree(Model):
    """The k-ary fat tree: k pods of routers, (k/2)^2 core routers, k^3/4 hosts, and flows shared among equal paths."""

    k: Annotated[Whole, Field(ge=2, multiple_of=2)]


class Random(Model):
    """A connected random graph of sites in which the average router has `degree` links to others."""

    routers: Count
    degree: Count
    hosts: Hosts = 0
    seed: Annotated[Whole, Field(ge=0, le=2**64 - 1)] = 0


class Generate(Model):
    """Exactly one shape."""

    line: Line | None = None
    ring: Ring | None = None
    star: Star | None = None
    tree: Tree | None = None
    fat_tree: FatTree | None = None
    random: Random | None = None

    _blueprint: Blueprint = PrivateAttr()

    @property
    def blueprint(self) -> Blueprint:
        """The network that is generated."""
        return self._blueprint

    @model_validator(mode="after")
    def _make(self) -> Generate:
        """Made here, so that numbers that make no network are an error in the file like any other."""
        written = sorted(self.model_fields_set)
        if len(written) != 1:
            count = "no shape" if not written else f"{len(written)} shapes ({', '.join(written)})"
            raise FieldError(f"{count} to generate", f"write one of {', '.join(generators.GENERATORS)}")
        shape = getattr(self, written[0])
        try:
            self._blueprint = generators.generate(written[0], **dict(shape))
        except ValueError as error:
            raise FieldError(str(error), at=(written[0],)) from None
        return self
