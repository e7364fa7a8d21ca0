"""The steps of a scenario. Each is a mapping with one key that says what to do, and optional `at`, `name`, `expect`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from sim import units
from sim.scenario.cables import Ends, LinkProperties
from sim.scenario.dhcp import DhcpExpect, DhcpStepAction
from sim.scenario.expect import Expect, PingExpect, ProgramExpect, ResolveExpect, TcpExpect, TracerouteExpect, UdpExpect
from sim.scenario.fields import (
    ByteCount,
    Duration,
    EndpointName,
    FieldError,
    Flag,
    Model,
    Name,
    Target,
    Text,
    Whole,
    shown,
)
from sim.scenario.programs import Program
from sim.scenario.records import QuestionName, QuestionType, is_address, reverse_name
from sim.scenario.throughput import Throughput, ThroughputExpect
from sim.scenario.web_steps import HttpExpect, HttpRequest

Times = Annotated[Whole, Field(ge=1, le=1_000_000)]
"""How often something is sent."""
Port = Annotated[Whole, Field(ge=1, le=65_535)]
Ttl = Annotated[Whole, Field(ge=1, le=255)]
PayloadSize = Annotated[Whole, Field(ge=0, le=65_507)]
"""65,535 bytes of datagram less the IP and the ICMP or UDP header."""


class Ping(Model):
    """ICMP echo requests with `size` bytes of payload; waits for `timeout` (ns) after the last."""

    source: Name = Field(alias="from")
    to: Target
    count: Times = 1
    interval: Duration = units.SECOND
    size: PayloadSize = 56
    ttl: Ttl | None = None
    df: Flag = False
    timeout: Duration = units.SECOND


class Traceroute(Model):
    """Probes with a rising TTL, each waited for at most `timeout` (ns)."""

    source: Name = Field(alias="from")
    to: Target
    max_hops: Ttl = 30
    timeout: Duration = units.SECOND


class Udp(Model):
    """UDP datagrams with `data`, or with `size` bytes. With `listen` the step opens the port at the destination; with
    `reply` what listens there answers: true with what it got, text with that text."""

    source: Name = Field(alias="from")
    to: Target
    port: Port
    source_port: Port | None = None
    data: Text | None = None
    size: PayloadSize = 32
    count: Times = 1
    interval: Duration = units.SECOND
    ttl: Ttl | None = None
    df: Flag = False
    listen: Flag = True
    reply: Flag | Text = False
    timeout: Duration = units.SECOND

    @model_validator(mode="after")
    def _consistent(self) -> Udp:
        if self.data is not None and "size" in self.model_fields_set:
            raise FieldError("'data' and 'size' exclude one another", "data has the size it has", at=("size",))
        if self.data is not None and len(self.data.encode()) > 65_507:
            raise FieldError("a UDP datagram carries at most 65507 bytes", at=("data",))
        if self.reply is not False and not self.listen:
            raise FieldError("nobody can reply if nobody listens", "remove listen: false", at=("reply",))
        return self

    @property
    def payload(self) -> bytes:
        """The bytes of each datagram."""
        return self.data.encode() if self.data is not None else (_LETTERS * (self.size // 26 + 1))[: self.size]


_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz"


class Tcp(Model):
    """TCP connections, `flows` of them side by side. With `listen` the step opens the port at the destination.

    Each carries `data`, or so many `bytes` of made-up text, or as much as it can for a `duration` (ns); with none of
    them it is only opened and closed. It goes from the source to the destination, with `reverse` the other way. With
    `reply` the destination answers: true with what it got, text with that text. `timeout` (ns) is how long nothing may
    arrive before the step gives a connection up. `congestion` is the congestion control of both ends.
    """

    source: Name = Field(alias="from")
    to: Target
    port: Port
    source_port: Port | None = None
    data: Text | None = None
    amount: ByteCount | None = Field(default=None, alias="bytes")
    duration: Duration | None = None
    reply: Flag | Text = False
    reverse: Flag = False
    flows: Annotated[Whole, Field(ge=1, le=10_000)] = 1
    listen: Flag = True
    congestion: Annotated[Text, Field(min_length=1)] | None = None
    nodelay: Flag = False
    timeout: Duration = 150 * units.SECOND

    @model_validator(mode="after")
    def _consistent(self) -> Tcp:
        given = [key for key, value in self._loads() if value is not None]
        if len(given) > 1:
            raise FieldError(f"'{given[0]}' and '{given[1]}' exclude one another", at=(given[1],))
        if self.reply is not False:
            if not self.listen:
                raise FieldError("nobody can reply if nobody listens", "remove listen: false", at=("reply",))
            if self.reverse or self.duration is not None:
                other = "reverse" if self.reverse else "duration"
                raise FieldError(f"'reply' and '{other}' exclude one another", at=("reply",))
            if self.reply is True and not given:
                raise FieldError("there is nothing to send back", "write data: text, or reply: text", at=("reply",))
        if self.reverse and not (given and self.listen):
            what = "give it data, bytes or a duration" if self.listen else "remove listen: false"
            raise FieldError("the destination has nothing to send", what, at=("reverse",))
        if self.source_port is not None and self.flows > 1:
            raise FieldError("several connections cannot share one source port", "remove it", at=("source_port",))
        if self.duration == 0:
            raise FieldError("nothing can be sent in no time", "write duration: 10s", at=("duration",))
        return self

    def _loads(self) -> tuple[tuple[str, object], ...]:
        return ("data", self.data), ("bytes", self.amount), ("duration", self.duration)


class Frame(Model):
    """A frame sent as it is out of a port: `data` is a Scapy expression, `Ether(...)/IP(...)`, or hex digits."""

    source: EndpointName = Field(alias="from")
    data: Annotated[Text, Field(min_length=1)]
    count: Times = 1
    interval: Duration = units.SECOND


class Resolve(Model):
    """A question to name servers: those of the host, or `server`. An address as a name of the type PTR is turned round.

    `tcp` asks by TCP at once, `recurse: false` asks only for what the server knows itself, `edns` are the bytes of a
    reply by UDP that are welcome (0: no EDNS, and so 512).
    """

    source: Name = Field(alias="from")
    name: QuestionName
    type: QuestionType = "A"
    server: Target | None = None
    tcp: Flag = False
    recurse: Flag = True
    edns: Annotated[Whole, Field(ge=0, le=65_535)] = 0

    @model_validator(mode="after")
    def _turned_round(self) -> Resolve:
        if self.type == "PTR" and is_address(self.name):
            self.__dict__["name"] = f"{reverse_name(self.name)}."
        return self


class LinkChange(LinkProperties):
    """New properties of a link, or its `state`; what is not written stays as it is: `merged(current)`."""

    endpoints: Ends

    @model_validator(mode="after")
    def _changes_something(self) -> LinkChange:
        if not self.changes():
            raise FieldError("nothing changes in this link", "add state: down, or a property such as loss: 10%")
        return self


class NodeChange(Model):
    """Switches a node off (`down`) or on (`up`)."""

    name: Name
    state: Literal["up", "down"]


class Partition(Model):
    """From now on hosts of different groups do not hear of each other; those in no group still hear everybody."""

    groups: Annotated[list[list[Name]], Field(min_length=2)]

    @model_validator(mode="after")
    def _apart(self) -> Partition:
        seen: set[str] = set()
        for index, group in enumerate(self.groups):
            for place, name in enumerate(group):
                if name in seen:
                    raise FieldError(f"'{name}' stands in two groups", at=("groups", index, place))
                seen.add(name)
        return self


class BaseStep(Model):
    """What every step has. `at` is ns since the scenario's start; without it a step begins when the last one ends."""

    kind: ClassVar[str]
    at: Duration | None = None
    name: Text | None = None

    @property
    def action(self) -> Any:
        """What stands under the step's key."""
        return getattr(self, self.kind)


class PingStep(BaseStep):
    kind: ClassVar[str] = "ping"
    ping: Ping
    expect: PingExpect = Field(default_factory=PingExpect)


class TracerouteStep(BaseStep):
    kind: ClassVar[str] = "traceroute"
    traceroute: Traceroute
    expect: TracerouteExpect = Field(default_factory=TracerouteExpect)


class UdpStep(BaseStep):
    kind: ClassVar[str] = "udp"
    udp: Udp
    expect: UdpExpect = Field(default_factory=UdpExpect)


class TcpStep(BaseStep):
    kind: ClassVar[str] = "tcp"
    tcp: Tcp
    expect: TcpExpect = Field(default_factory=TcpExpect)


class HttpStep(BaseStep):
    kind: ClassVar[str] = "http"
    http: HttpRequest
    expect: HttpExpect = Field(default_factory=HttpExpect)


class ThroughputStep(BaseStep):
    kind: ClassVar[str] = "throughput"
    throughput: Throughput
    expect: ThroughputExpect = Field(default_factory=ThroughputExpect)


class ResolveStep(BaseStep):
    kind: ClassVar[str] = "resolve"
    resolve: Resolve
    expect: ResolveExpect = Field(default_factory=ResolveExpect)


class ProgramStep(BaseStep):
    kind: ClassVar[str] = "program"
    program: Program
    expect: ProgramExpect = Field(default_factory=ProgramExpect)


class DhcpStep(BaseStep):
    kind: ClassVar[str] = "dhcp"
    dhcp: DhcpStepAction
    expect: DhcpExpect = Field(default_factory=DhcpExpect)


class FrameStep(BaseStep):
    kind: ClassVar[str] = "frame"
    frame: Frame
    expect: Expect = Field(default_factory=Expect)


class LinkStep(BaseStep):
    kind: ClassVar[str] = "link"
    link: LinkChange
    expect: Expect = Field(default_factory=Expect)


class NodeStep(BaseStep):
    kind: ClassVar[str] = "node"
    node: NodeChange
    expect: Expect = Field(default_factory=Expect)


class PartitionStep(BaseStep):
    kind: ClassVar[str] = "partition"
    partition: Partition
    expect: Expect = Field(default_factory=Expect)


class HealStep(BaseStep):
    kind: ClassVar[str] = "heal"
    heal: Flag
    expect: Expect = Field(default_factory=Expect)

    @model_validator(mode="after")
    def _heals(self) -> HealStep:
        if not self.heal:
            raise FieldError("this step does nothing", "write heal: true", at=("heal",))
        return self


class WaitStep(BaseStep):
    kind: ClassVar[str] = "wait"
    wait: Duration
    expect: Expect = Field(default_factory=Expect)


Step = (
    PingStep
    | TracerouteStep
    | UdpStep
    | TcpStep
    | HttpStep
    | ThroughputStep
    | ResolveStep
    | ProgramStep
    | DhcpStep
    | FrameStep
    | LinkStep
    | NodeStep
    | PartitionStep
    | HealStep
    | WaitStep
)
QUIET: Final = (LinkStep, NodeStep, PartitionStep, HealStep, WaitStep)
"""Steps that send nothing."""

STEPS: Final[dict[str, type[BaseStep]]] = {
    step.kind: step
    for step in (
        *(PingStep, TracerouteStep, UdpStep, TcpStep, HttpStep, ThroughputStep, ResolveStep, ProgramStep, DhcpStep),
        FrameStep,
        *(LinkStep, NodeStep, PartitionStep, HealStep, WaitStep),
    )
}
_COMMON: Final = (*BaseStep.model_fields, "expect")


def _check_step(value: Any) -> Any:
    """Say what is wrong with a step's key in better words than a union has."""
    if isinstance(value, BaseStep):
        return value
    hint = f"steps are {', '.join(STEPS)}"
    if not isinstance(value, dict):
        raise FieldError(f"a step is a mapping, not {shown(value)}", "write ping: {from: pc1, to: pc2}; " + hint)
    found = [key for key in value if key in STEPS]
    if len(found) > 1:
        raise FieldError(
            f"two steps in one: {found[0]} and {found[1]}", "start each step with a '-' of its own", at=(found[1],)
        )
    if not found:
        unknown = [key for key in value if key not in _COMMON]
        if not unknown:
            raise FieldError("this step does nothing", hint)
        close = get_close_matches(unknown[0][:64].lower(), STEPS, 1)
        hint = f"did you mean '{close[0]}'? {hint}" if close else hint
        raise FieldError(f"there is no step {shown(unknown[0])}", hint, at=(unknown[0],))
    return value


def _kind_of(value: Any) -> str | None:
    if isinstance(value, BaseStep):
        return value.kind
    return next((key for key in value if key in STEPS), None)


AnyStep = Annotated[
    Annotated[
        Annotated[PingStep, Tag("ping")]
        | Annotated[TracerouteStep, Tag("traceroute")]
        | Annotated[UdpStep, Tag("udp")]
        | Annotated[TcpStep, Tag("tcp")]
        | Annotated[HttpStep, Tag("http")]
        | Annotated[ThroughputStep, Tag("throughput")]
        | Annotated[ResolveStep, Tag("resolve")]
        | Annotated[ProgramStep, Tag("program")]
        | Annotated[DhcpStep, Tag("dhcp")]
        | Annotated[FrameStep, Tag("frame")]
        | Annotated[LinkStep, Tag("link")]
        | Annotated[NodeStep, Tag("node")]
        | Annotated[PartitionStep, Tag("partition")]
        | Annotated[HealStep, Tag("heal")]
        | Annotated[WaitStep, Tag("wait")],
        Discriminator(_kind_of),
    ],
    BeforeValidator(_check_step),
]
