"""Links in a topology: what they join and what they are like."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from sim.scenario.fields import (
    Bitrate,
    Duration,
    EndpointName,
    FieldError,
    Model,
    Probability,
    Queue,
    QueueLength,
    Whole,
)
from sim.scenario.queueing import Discipline

SMALLEST_MTU: Final = 68
"""Every module must be able to forward a datagram of 68 octets without further fragmentation (RFC 791 3.2)."""
LARGEST_MTU: Final = 65_535

Mtu = Annotated[Whole, Field(ge=SMALLEST_MTU, le=LARGEST_MTU)]
"""Bytes of the longest IP packet."""


class BurstLoss(Model):
    """Losses in bursts (Gilbert-Elliott): before each frame a good link turns bad with probability `p`, a bad one good
    with `r`; a frame is then lost with `good_loss` or `bad_loss`."""

    p: Probability
    r: Probability
    good_loss: Probability = 0.0
    bad_loss: Probability = 1.0


class LinkProperties(Model):
    """What a link is like, the same in both directions. Times are ns, rates bit/s, probabilities 0 to 1 per frame.

    `model_fields_set` tells which were written.
    """

    bandwidth: Bitrate = 1_000_000_000
    delay: Duration = 1_000
    jitter: Duration = 0
    loss: Probability = 0.0
    burst_loss: BurstLoss | None = None
    duplicate: Probability = 0.0
    reorder: Probability = 0.0
    reorder_delay: Duration = 1_000_000
    corrupt: Probability = 0.0
    queue: QueueLength = Queue(frames=1000)
    discipline: Discipline | None = None
    mtu: Mtu | None = None
    state: Literal["up", "down"] = "up"

    @property
    def down(self) -> bool:
        """Whether the link is down."""
        return self.state == "down"

    def changes(self) -> dict[str, Any]:
        """The properties that were written, by name."""
        return {name: getattr(self, name) for name in LinkProperties.model_fields if name in self.model_fields_set}

    def merged(self, base: LinkProperties) -> LinkProperties:
        """The properties written here, and those of `base` for the rest."""
        return LinkProperties.model_construct(**{**base.changes(), **self.changes()})


def _two_ends(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        count = f", not {len(value)}" if isinstance(value, list) else ""
        raise FieldError(f"a link joins two ends{count}", "write [pc1, sw1], or {endpoints: [pc1, sw1], delay: 10ms}")
    return value


_PAIR: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": ["string", "integer"]},
    "minItems": 2,
    "maxItems": 2,
}
Ends = Annotated[tuple[EndpointName, EndpointName], BeforeValidator(_two_ends), WithJsonSchema(_PAIR)]


class Link(LinkProperties):
    """A link: `[a, b]`, or a mapping with `endpoints` and properties."""

    endpoints: Ends

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"endpoints": value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [_PAIR, handler(core)]}
