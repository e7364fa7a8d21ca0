"""A little chance in when frames arrive, so that another seed is another order of what is simultaneous."""

from __future__ import annotations

from random import Random
from typing import Final

from sim.links.rules import Deliver, Verdict

SPREAD: Final = 100
"""ns: less than any frame takes on a link of 1 Gbit/s, so that nothing but the order changes."""


class Nudge:
    """The rule of one direction of a link: adds up to `SPREAD` ns, and keeps the order of the frames."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._latest = 0

    def __call__(self, frame: bytes, time: int) -> Verdict:
        self._latest = max(self._latest, time + self._random.randrange(SPREAD + 1))
        return Deliver(after=self._latest - time)
