"""What may happen to a frame on a link: a chain of rules, each with a verdict.

A rule is called with the frame and the time (ns) at which it leaves, and answers `Pass()`, `Deliver(...)` or
`Drop(reason)`. A plain function is a rule:

    def lose_arp(frame, time):
        return Drop("no ARP today") if frame[12:14] == b"\\x08\\x06" else PASS

The chain is walked in order. `Drop` ends it. What several `Deliver` ask for adds up: the delays are summed, each may
change the bytes that the next one sees, and the copies multiply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


class Pass:
    """Nothing to say about this frame."""

    __slots__ = ()


class Deliver:
    """Let it arrive, but `after` ns later, or with other bytes (`frame`), or more than once (`copies`)."""

    __slots__ = ("after", "copies", "frame", "why")

    def __init__(self, after: int = 0, frame: bytes | None = None, copies: int = 1, why: str = "") -> None:
        if after < 0:
            raise ValueError(f"a frame cannot arrive {-after} ns before the link delivers it")
        if copies < 1:
            raise ValueError("Deliver needs at least one copy: answer Drop to lose a frame")
        if frame == b"":
            raise ValueError("a frame has at least one byte: answer Drop to lose it")
        self.after = after
        self.frame = frame
        self.copies = copies
        self.why = why


class Drop:
    """Lose it; the reason is what traces and counters show."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


Verdict = Pass | Deliver | Drop
Rule = Callable[[bytes, int], Verdict]

PASS: Final = Pass()
