"""The rules that a topology can name: loss, bursts of loss, corruption, duplication, jitter, reordering.

Each draws from a random stream of its own, given by whoever makes it, so that adding one leaves the draws of the
others alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sim.engine.streams import Streams
from sim.links.rules import PASS, Deliver, Drop, Rule, Verdict


class Loss:
    """Each frame is lost with the same probability, whatever happened before."""

    def __init__(self, probability: float, random: Random) -> None:
        self.probability = probability
        self._random = random

    def __call__(self, frame: bytes, time: int) -> Verdict:
        return Drop("loss") if self._random.random() < self.probability else PASS


class GilbertElliott:
    """Losses that come in bursts: a channel that is good or bad, and changes between the two.

    Before each frame it goes from good to bad with probability `p`, from bad to good with `r`; then the frame is lost
    with `good_loss` or `bad_loss`. In the long run the share of bad frames is p / (p + r), and a burst lasts 1 / r
    frames. (E. N. Gilbert 1960, E. O. Elliott 1963.)
    """

    def __init__(self, p: float, r: float, good_loss: float, bad_loss: float, random: Random) -> None:
        self.p = p
        self.r = r
        self.good_loss = good_loss
        self.bad_loss = bad_loss
        self.bad = False
        self._random = random

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if self._random.random() < (self.r if self.bad else self.p):
            self.bad = not self.bad
        lost = self._random.random() < (self.bad_loss if self.bad else self.good_loss)
        return Drop("burst loss") if lost else PASS


class Corrupt:
    """Flips one random bit of a frame with the given probability.

    The frame check sequence is not simulated, as in a capture it is not seen: a flipped bit reaches the receiver,
    whose own checksums have to find it.
    """

    def __init__(self, probability: float, random: Random) -> None:
        self.probability = probability
        self._random = random

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if self._random.random() >= self.probability:
            return PASS
        bit = self._random.randrange(len(frame) * 8)
        altered = bytearray(frame)
        altered[bit >> 3] ^= 0x80 >> (bit & 7)
        return Deliver(frame=bytes(altered), why="corrupted")


class Duplicate:
    """Delivers a frame twice with the given probability."""

    def __init__(self, probability: float, random: Random) -> None:
        self.probability = probability
        self._random = random

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if self._random.random() >= self.probability:
            return PASS
        return Deliver(copies=2, why="duplicated")


class Jitter:
    """Adds up to `spread` ns of delay, drawn evenly, and never lets a frame overtake the one before it."""

    def __init__(self, spread: int, random: Random) -> None:
        self.spread = spread
        self._random = random
        self._earliest = 0

    def __call__(self, frame: bytes, time: int) -> Verdict:
        self._earliest = max(self._earliest, time + self._random.randrange(self.spread + 1))
        return Deliver(after=self._earliest - time)


class Reorder:
    """Holds a frame back by `hold` ns with the given probability, so that those behind it overtake it."""

    def __init__(self, probability: float, hold: int, random: Random) -> None:
        self.probability = probability
        self.hold = hold
        self._random = random

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if self._random.random() >= self.probability:
            return PASS
        return Deliver(after=self.hold, why="held back")


@dataclass(frozen=True)
class BurstLoss:
    """The numbers of a Gilbert-Elliott channel (see `GilbertElliott`)."""

    p: float
    r: float
    good_loss: float = 0.0
    bad_loss: float = 1.0


@dataclass(frozen=True)
class Impairments:
    """What a link does to frames: shares per frame, and times in ns."""

    jitter: int = 0
    loss: float = 0.0
    burst_loss: BurstLoss | None = None
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: int = 1_000_000
    corrupt: float = 0.0

    def rules(self, streams: Streams, name: str) -> list[Rule]:
        """The rules for one direction of a link, each with a random stream of its own below `name`."""
        rules: list[Rule] = []
        if self.loss:
            rules.append(Loss(self.loss, streams.stream(f"{name}/loss")))
        if self.burst_loss is not None:
            burst = self.burst_loss
            random = streams.stream(f"{name}/burst-loss")
            rules.append(GilbertElliott(burst.p, burst.r, burst.good_loss, burst.bad_loss, random))
        if self.corrupt:
            rules.append(Corrupt(self.corrupt, streams.stream(f"{name}/corrupt")))
        if self.duplicate:
            rules.append(Duplicate(self.duplicate, streams.stream(f"{name}/duplicate")))
        if self.jitter:
            rules.append(Jitter(self.jitter, streams.stream(f"{name}/jitter")))
        if self.reorder:
            rules.append(Reorder(self.reorder, self.reorder_delay, streams.stream(f"{name}/reorder")))
        return rules


NO_IMPAIRMENTS: Final = Impairments()
OUR_RULES: Final = (Loss, GilbertElliott, Corrupt, Duplicate, Jitter, Reorder)
