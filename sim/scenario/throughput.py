"""The step `throughput`: how much goes through, as iperf3 measures it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim import units
from sim.scenario.expect import Count, Expect, Rate, Share, Size, Time
from sim.scenario.fields import Bitrate, Duration, FieldError, Flag, Model, Name, Target, Text, Whole

LARGEST_DATAGRAM = 65_507
SMALLEST_DATAGRAM = 28
"""Bytes of the header that each datagram of a measurement begins with."""


class Throughput(Model):
    """A measurement against a `throughput` service: `parallel` streams that send for `duration` (ns), to the server, or
    with `reverse` from it. `rate` (bit/s) is that of each stream; without it UDP sends 1 Mbit/s and TCP all it can.
    `length` is the bytes of a datagram, or of what is given to TCP at once."""

    source: Name = Field(alias="from")
    to: Target
    port: Annotated[Whole, Field(ge=1, le=65_535)] = 5_201
    protocol: Literal["tcp", "udp"] = "tcp"
    duration: Annotated[Duration, Field(gt=0)] = units.SECOND
    rate: Bitrate | None = None
    reverse: Flag = False
    parallel: Annotated[Whole, Field(ge=1, le=128)] = 1
    length: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Throughput:
        length = SMALLEST_DATAGRAM if self.protocol == "tcp" or self.length is None else self.length
        if not SMALLEST_DATAGRAM <= length <= LARGEST_DATAGRAM:
            hint = f"{SMALLEST_DATAGRAM} to {LARGEST_DATAGRAM}"
            raise FieldError(f"a datagram of {length} bytes cannot be measured", hint, at=("length",))
        return self


class ThroughputExpect(Expect):
    """What a measurement may be expected to find, over all streams: `throughput` of what was received, `loss` and
    `jitter` (RFC 3550 6.4.1; the greatest of any stream) of datagrams."""

    throughput: Rate | None = None
    sent: Size | None = None
    received: Size | None = None
    loss: Share | None = None
    jitter: Time | None = None
    out_of_order: Count | None = None
    error: Text | None = None
