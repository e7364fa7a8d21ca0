"""What a bad network does to the packets of a test: by a schedule, then by chance, then nothing more."""

from __future__ import annotations

from random import Random

from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.units import MILLISECOND
from sim.wire import ipv4, tcp
from sim.wire.tcp import OPTION_SACK_PERMITTED, OPTION_TIMESTAMPS, OPTION_WINDOW_SCALE

IPV4 = b"\x08\x00"
CHOICES = ("pass", "lose", "duplicate", "delay", "corrupt", "mark")


def rewritten(frame: bytes, options: bytes) -> bytes:
    """The segment in a frame with other options."""
    packet = ipv4.parse(frame[14:])
    segment = tcp.parse(packet.payload, packet.source, packet.destination)
    segment.options = options
    packet.payload = tcp.emit(segment, packet.source, packet.destination)
    return frame[:14] + ipv4.emit(packet)


def marked(frame: bytes) -> bytes | None:
    """The packet in a frame with Congestion Experienced (RFC 3168 5); None if its sender does not know of that."""
    packet = ipv4.parse(frame[14:])
    if not packet.tos & 3:
        return None
    packet.tos |= 3
    return frame[:14] + ipv4.emit(packet)


class OldBox:
    """A box on the way that takes away the options of SYNs it does not know: the ends do without."""

    def __init__(self, *kinds: int) -> None:
        self._kinds = kinds

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if not self._kinds or frame[12:14] != IPV4 or not frame[47] & tcp.SYN:
            return PASS
        packet = ipv4.parse(frame[14:])
        options = bytearray(tcp.parse(packet.payload, packet.source, packet.destination).options)
        at = 0
        while at < len(options):
            length = options[at + 1] if options[at] > 1 else 1
            if options[at] in self._kinds:
                options[at : at + length] = b"\x01" * length
            at += length
        return Deliver(frame=rewritten(frame, bytes(options)))


NO_SACK, NO_TIMESTAMPS, NO_SCALE = OPTION_SACK_PERMITTED, OPTION_TIMESTAMPS, OPTION_WINDOW_SCALE


class Faults:
    """The first packets meet the `schedule` of (what, number), the next `count` are treated by chance, the rest passes.

    `rates` are the shares that are lost, duplicated, delayed, corrupted and marked.
    """

    def __init__(
        self,
        schedule: list[tuple[str, int]],
        rates: tuple[float, ...] = (0, 0, 0, 0, 0),
        count: int = 0,
        seed: int = 0,
    ) -> None:
        self._schedule = schedule
        self._rates = rates
        self._left = count
        self._random = Random(seed)
        self._at = 0
        self.last = 0
        """Time (ns) of the last fault."""
        self.lost = 0

    def is_mild(self) -> bool:
        """Whether nobody has a reason to give up: a few losses, and a share that does not hit one packet 9 times."""
        planned = sum(what in ("lose", "corrupt") for what, _ in self._schedule)
        return self.lost < 5 or (planned < 5 and self._rates[0] + self._rates[3] <= 0.12)

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if frame[12:14] != IPV4:
            return PASS
        what, number = self._next()
        if what != "pass":
            self.last = time
        return self._do(what, number, frame)

    def _next(self) -> tuple[str, int]:
        if self._at < len(self._schedule):
            self._at += 1
            return self._schedule[self._at - 1]
        if self._left:
            self._left -= 1
            draw = self._random.random()
            for what, rate in zip(CHOICES[1:], self._rates, strict=True):
                if draw < rate:
                    return what, self._random.randrange(1 << 16)
                draw -= rate
        return "pass", 0

    def _do(self, what: str, number: int, frame: bytes) -> Verdict:
        if what in ("lose", "corrupt"):
            self.lost += 1
        if what == "lose":
            return Drop("fault")
        if what == "duplicate":
            return Deliver(copies=2 + number % 2, after=number % 3 * MILLISECOND)
        if what == "delay":
            return Deliver(after=number % 200 * MILLISECOND)
        if what == "corrupt":  # one bit of the IP packet; checksums see it
            at = 14 + number % (len(frame) - 14)
            return Deliver(frame=frame[:at] + bytes((frame[at] ^ 1 << number % 8,)) + frame[at + 1 :])
        if what == "mark":
            better = marked(frame)
            return PASS if better is None else Deliver(frame=better)
        return PASS
