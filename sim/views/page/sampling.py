"""Which frames a page shows of a run that has too many.

The first half of what there is room for is shown whole: how it all began. From the rest come stretches of frames that
follow each other, evenly spread, so that what goes on there can still be followed; and every frame that was lost, as
far as there is room.
"""

from __future__ import annotations

from typing import Final

from sim.tracing.recorder import Recorder

STRETCH: Final = 500
"""Frames that follow each other, at least."""
SHARE_OF_LOST: Final = 10
"""One frame in so many may be there only because it was lost."""


def sample(recorder: Recorder, most: int) -> list[int]:
    """The rows of the frames to show, at most `most`, in their order; all where there are no more."""
    total = len(recorder.ids)
    if total <= most:
        return list(range(total))
    room = most - most // SHARE_OF_LOST
    whole = room // 2
    kept = set(range(whole))
    stretches = max(1, (room - whole) // STRETCH)
    length = (room - whole) // stretches
    for number in range(1, stretches + 1):  # the last one is the end of the run
        first = whole + (total - whole - length) * number // stretches
        kept.update(range(first, first + length))
    for number in recorder.lost:
        if len(kept) >= most:
            break
        kept.add(recorder.row(number))
    return sorted(kept)
