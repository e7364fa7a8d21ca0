"""`discipline`: how the frames that wait for a link's transmitter are handled, and its numbers."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Final

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from sim import units
from sim.scenario.fields import Bitrate, ByteCount, Duration, FieldError, Flag, Model, Probability, Whole, shown

Some = Annotated[Duration, Field(gt=0)]
Frames = Annotated[Whole, Field(ge=1, le=1_000_000)]


class DropTail(Model):
    """First in, first out; a full queue drops the newcomer."""


class Red(Model):
    """Random early detection: drops that grow from none at `min` frames on average to `probability` at `max`.

    `max` is three times `min` unless it is written. `weight` is that of each frame in the average; `gentle` lets the
    probability rise on to 1 at twice `max`.
    """

    min: Frames = 5
    max: Frames | None = None
    probability: Annotated[Probability, Field(gt=0)] = 0.1
    weight: Annotated[Probability, Field(gt=0)] = 0.002
    gentle: Flag = True
    ecn: Flag = False

    @model_validator(mode="after")
    def _apart(self) -> Red:
        if self.max is not None and self.min >= self.max:
            raise FieldError(f"'max' must be above 'min' ({self.min}), not {self.max}", at=("max",))
        return self


class CoDel(Model):
    """Controlled delay: drops when frames have waited longer than `target` for a whole `interval` (ns)."""

    target: Some = 5 * units.MILLISECOND
    interval: Some = 100 * units.MILLISECOND
    ecn: Flag = False


class FqCoDel(Model):
    """A queue with CoDel for each of up to `flows` flows, which take turns of `quantum` bytes."""

    target: Some = 5 * units.MILLISECOND
    interval: Some = 100 * units.MILLISECOND
    quantum: ByteCount = 1514
    flows: Annotated[Whole, Field(ge=1, le=65_536)] = 1024
    ecn: Flag = True


class TokenBucket(Model):
    """A shaper: `rate` bit/s in the long run, `burst` bytes at once."""

    rate: Bitrate
    burst: ByteCount


class Discipline(Model):
    """Exactly one discipline: its name, or a mapping from its name to its numbers."""

    drop_tail: DropTail | None = None
    red: Red | None = None
    codel: CoDel | None = None
    fq_codel: FqCoDel | None = None
    token_bucket: TokenBucket | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict | Discipline):
            return value
        if not isinstance(value, str):
            raise FieldError(f"{shown(value)} is not a queue discipline", _KNOWN)
        if value not in cls.model_fields:
            close = get_close_matches(value[:64].lower().replace("-", "_"), NAMES, 1)
            raise FieldError(
                f"there is no queue discipline {shown(value)}", f"did you mean '{close[0]}'?" if close else _KNOWN
            )
        if value == "token_bucket":
            raise FieldError("a token bucket needs its numbers", "write {token_bucket: {rate: 5Mbps, burst: 32kB}}")
        return {value: {}}

    @model_validator(mode="after")
    def _one(self) -> Discipline:
        written = sorted(self.model_fields_set)
        if len(written) != 1:
            count = f"{len(written)} ({', '.join(written)})" if written else "none"
            raise FieldError(f"there must be one queue discipline, not {count}", _KNOWN)
        if getattr(self, written[0]) is None:
            hint = f"write {written[0]}: {{}} for its usual numbers"
            raise FieldError(f"nothing is written for '{written[0]}'", hint, at=(written[0],))
        return self

    def __str__(self) -> str:
        return min(self.model_fields_set)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": [name for name in NAMES if name != "token_bucket"]}, handler(core)]}


NAMES: Final = tuple(Discipline.model_fields)
_KNOWN: Final = f"write one of {', '.join(NAMES)}, or a mapping such as {{codel: {{target: 5ms}}}}"
