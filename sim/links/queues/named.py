"""The queue disciplines that go by a name alone, with the numbers that their authors recommend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sim.links.queues.codel import CoDel
from sim.links.queues.discipline import Discipline
from sim.links.queues.fq_codel import FqCoDel
from sim.links.queues.red import Red

DISCIPLINES: Final[Mapping[str, Discipline | None]] = {
    "drop_tail": None,
    "red": Red(),
    "codel": CoDel(),
    "fq_codel": FqCoDel(),
}


def discipline_of(what: Discipline | str | None) -> Discipline | None:
    """The discipline that a name or an object says, None for drop-tail. Raises ValueError for a name that is none."""
    if not isinstance(what, str):
        return what
    if what == "token_bucket":
        raise ValueError("a token bucket has no usual numbers: write TokenBucket(rate=..., burst=...)")
    if what not in DISCIPLINES:
        raise ValueError(f"there is no queue discipline called {what!r}: there are {', '.join(DISCIPLINES)}")
    return DISCIPLINES[what]
