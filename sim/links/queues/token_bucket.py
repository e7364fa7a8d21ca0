"""A token-bucket shaper: no more than `rate` in the long run, and no more than `burst` at once.

The bucket holds up to `burst` bytes' worth of tokens and fills at `rate`. A frame leaves when there are tokens for all
its bytes (as the link counts them, Ethernet header included), and takes them away; until then it waits, and those
behind it. (As `tc tbf` in Linux; RFC 2697 calls the same a token bucket.)

Tokens are counted in billionths of a bit, which a nanosecond adds a whole number of: there is nothing to round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.engine.streams import Streams
from sim.links.queues.discipline import Discipline, Queue, Waiting

TOO_LONG: Final = "longer than the token bucket"
TOKENS_PER_BYTE: Final = 8_000_000_000


@dataclass(frozen=True)
class TokenBucket(Discipline):
    """`rate` in bit/s, `burst` in bytes: no frame longer than that can ever pass."""

    rate: int
    burst: int

    def __post_init__(self) -> None:
        if self.rate < 1 or self.burst < 1:
            raise ValueError("a token bucket's rate and burst must be above zero")

    def queue(self, streams: Streams, name: str) -> Queue:
        return TokenBucketQueue(self.rate, self.burst)


class TokenBucketQueue(Queue):
    """`rate` in bit/s, `burst` in bytes. The bucket is full at first."""

    def __init__(self, rate: int, burst: int) -> None:
        super().__init__()
        self.rate = rate
        self.burst = burst
        self._tokens = burst * TOKENS_PER_BYTE
        self._filled_at = 0

    def enqueue(self, waiting: Waiting, now: int) -> None:
        if waiting.size > self.burst:
            self.drop(waiting, TOO_LONG)
        else:
            super().enqueue(waiting, now)

    def dequeue(self, now: int) -> Waiting | None:
        self._fill(now)
        if self._missing() > 0:
            return None
        waiting = self.pop()
        if waiting is not None:
            self._tokens -= int(waiting.size) * TOKENS_PER_BYTE
        return waiting

    def ready(self, now: int) -> int:
        self._fill(now)
        return now + -(-self._missing() // self.rate)  # rounded up: the first ns at which there is enough

    def _fill(self, now: int) -> None:
        self._tokens = min(self.burst * TOKENS_PER_BYTE, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now

    def _missing(self) -> int:
        """Tokens that the next frame still needs; 0 or less when it can go, or there is none."""
        waiting = self.peek()
        return 0 if waiting is None else int(waiting.size) * TOKENS_PER_BYTE - self._tokens
