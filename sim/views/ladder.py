"""A TCP connection as a ladder: two hosts, time running down, an arrow for each segment.

    0s            SYN-SENT │── [SYN] Seq=0 Win=64240 MSS=1460 ──>│ SYN-RECEIVED
    2ms        ESTABLISHED │<──────── [SYN, ACK] Seq=0 Ack=1 ... ──│

A state stands where it changes. Long transfers are folded: what is left are the handshake, where something was lost or
sent again, and the close.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sim.tracing.recorder import Recorder
from sim.units import format_about, format_size
from sim.views.dialogue import DUPLICATE_ACK, LOST, RETRANSMISSION, TROUBLE, Turn, dialogue
from sim.views.exchange import Exchange, Flow, exchange
from sim.views.text import Line, columns
from sim.wire import tcp

MOST_LINES: Final = 40
"""Lines of a ladder that nobody has asked to see whole."""
CLOSING_LINES: Final = 6
"""FINs that are shown of a close that has trouble."""
LAST_LINES: Final = 3
STATE_WIDTH: Final = 12
TIME_WIDTH: Final = 8
NARROWEST: Final = 40
MARK_STYLES: Final = {LOST: "error", RETRANSMISSION: "warning", DUPLICATE_ACK: "note", TROUBLE: "error"}


def ladder(
    recorder: Recorder, flow: Flow, *, since: int = 0, until: int | None = None, most: int = MOST_LINES
) -> list[Line]:
    """The ladder of a connection between two times (ns), in about `most` lines; times count from its first segment.

    No line at all when the recording has no segment of it.
    """
    found, steps = rungs(recorder, flow, since=since, until=until, most=most)
    if not steps:
        return []
    width = max(NARROWEST, *(len(step.text) + (8 if step.turn else 2) for step in steps))
    return _heads(found, width) + [_rung(step, width) if step.turn else _folded(step.text, width) for step in steps]


@dataclass(frozen=True)
class Rung:
    """One line of a ladder: a segment, or (`turn` is None) several that are folded. `text` is what it says, `time` the
    time since the first segment (ns), `states` what client and server become by it, each "" if it stays."""

    turn: Turn | None
    text: str
    time: int
    states: tuple[str, str] = ("", "")


def rungs(
    recorder: Recorder, flow: Flow, *, since: int = 0, until: int | None = None, most: int = MOST_LINES
) -> tuple[Exchange, list[Rung]]:
    """What a ladder of the connection shows, however it is drawn. No rung when there is no segment of it."""
    found = exchange(recorder, flow, since, until)
    turns = dialogue(found)
    if not turns:
        return found, []
    chosen = _chosen(turns, most)
    began, steps = turns[0].time, []
    states = [("", -1), ("", -1)]
    for before, index in pairwise([-1, *chosen, len(turns)]):
        if index > before + 1:
            folded = turns[before + 1 : index]
            steps.append(Rung(None, _fold(folded), folded[0].time - began))
        if index < len(turns):
            turn = turns[index]
            steps.append(Rung(turn, _label(turn), turn.time - began, _shown(turn, states)))
    return found, steps


# -- what is shown


def _chosen(turns: list[Turn], most: int) -> list[int]:
    """The indexes of the turns that are shown: all, or handshake, trouble and close."""
    if len(turns) <= most:
        return list(range(len(turns)))
    first = min(_handshake(turns) + 3, most // 4)  # with the first data, and its acknowledgment
    ends = [index for index, turn in enumerate(turns) if turn.flags & (tcp.FIN | tcp.RST)]
    chosen = {*range(first), *ends[:CLOSING_LINES], *ends[-1:], *range(len(turns) - LAST_LINES, len(turns))}
    room = most - len(chosen) - 2
    for index in range(first, len(turns)):
        if room <= 0:
            break
        if index not in chosen and _is_trouble(turns[index]):
            room -= 1 if index - 1 in chosen else 2  # a fold stands between two that are not neighbours
            chosen.add(index)
    shown = sorted(chosen)
    return [index for at, index in enumerate(shown) for index in _without_gap_of_one(shown, at)]


def _without_gap_of_one(shown: list[int], at: int) -> list[int]:
    """An index, and the one before it where that alone would be folded: the fold takes a line as well."""
    index = shown[at]
    return [index - 1, index] if at and shown[at - 1] == index - 2 else [index]


def _handshake(turns: list[Turn]) -> int:
    """How many turns it takes until both ends are established."""
    established = [False, False]
    for index, turn in enumerate(turns):
        if turn.sender == "ESTABLISHED":
            established[turn.forward] = True
        if turn.receiver == "ESTABLISHED":
            established[not turn.forward] = True
        if all(established):
            return index + 1
    return 0


def _is_trouble(turn: Turn) -> bool:
    """Whether something is remarkable enough to be shown of a long transfer; of duplicate ACKs the first."""
    for sort, text in turn.marks:
        if sort in (LOST, RETRANSMISSION, TROUBLE) or (sort == DUPLICATE_ACK and text.endswith(" 1")):
            return True
    return bool(turn.flags & tcp.SYN)


# -- how it looks


def _heads(found: Exchange, width: int) -> list[Line]:
    """Who stands left and who right."""
    client, server = found.flow.ends()
    left = f"{found.client} {client}".strip()
    right = f"{server} {found.server}".strip()
    space = max(2, width + 2 - columns(left) - columns(right))
    return [[(" " * (TIME_WIDTH + STATE_WIDTH + 1), ""), (left, "name"), (" " * space, ""), (right, "name")]]


def _shown(turn: Turn, states: list[tuple[str, int]]) -> tuple[str, str]:
    """The states of client and server to be shown with a segment. `states` are what was last shown of both, and of
    which time: segments that cross tell of the past, which is not shown."""
    shown = ["", ""]
    for side, state, time in (
        (not turn.forward, turn.sender, turn.time),
        (turn.forward, turn.receiver, turn.passage.arrived or 0),
    ):
        if state and time >= states[side][1]:
            shown[side] = state if state != states[side][0] else ""
            states[side] = (state, time)
    return shown[0], shown[1]


def _rung(rung: Rung, width: int) -> Line:
    """One segment."""
    turn = rung.turn
    assert turn is not None
    line: Line = [
        (f"{format_about(rung.time):<{TIME_WIDTH}}", "time"),
        (f"{rung.states[0]:>{STATE_WIDTH}} ", "kind"),
        ("│", "line"),
        *_arrow(turn, width),
        ("│", "line"),
    ]
    if rung.states[1]:
        line.append((f" {rung.states[1]}", "kind"))
    if turn.marks:
        line.append(("  ", ""))
        for number, (sort, text) in enumerate(turn.marks):
            line += [(", " if number else "", ""), (text, MARK_STYLES.get(sort, "note"))]
    return line


def _arrow(turn: Turn, width: int) -> Line:
    """`──label───>`, the other way round for what the server sends, `X` where it was lost."""
    label = f" {_label(turn)} "
    shaft = width - len(label) - 3
    lost = turn.passage.arrived is None and turn.passage.lost is not None
    style = _label_style(turn)
    if turn.forward:
        if lost:
            cut = max(1, shaft // 2)
            return [("──", "line"), (label, style), ("─" * (cut - 1) + "X" + " " * (shaft - cut + 1), "error")]
        return [("──", "line"), (label, style), ("─" * shaft + ">", "line")]
    if lost:
        cut = max(1, shaft // 2)
        return [(" " * (shaft - cut + 1) + "X" + "─" * (cut - 1), "error"), (label, style), ("──", "line")]
    return [("<" + "─" * shaft, "line"), (label, style), ("──", "line")]


def _label(turn: Turn) -> str:
    if turn.passage.segment is None:
        return f"[malformed TCP: {turn.passage.malformed}]"
    words = [f"[{tcp.flag_names(turn.flags)}] Seq={turn.sequence}"]
    if turn.flags & tcp.ACK:
        words.append(f"Ack={turn.acknowledgment}")
    if turn.length:
        words.append(f"Len={turn.length}")
    if not turn.flags & tcp.RST:
        words.append(f"Win={turn.window}")
    if turn.flags & tcp.SYN:
        words += turn.options
    return " ".join(words)


def _label_style(turn: Turn) -> str:
    if turn.flags & tcp.RST or turn.passage.segment is None:
        return "error"
    return "change" if turn.flags & (tcp.SYN | tcp.FIN) else ""


def _fold(turns: list[Turn]) -> str:
    """What to say of those that are not shown."""
    size = sum(turn.length for turn in turns)
    words = [_count(len(turns), "segment"), format_size(size) if size else ""]
    words.append(format_about(turns[-1].time - turns[0].time))
    words += [
        _count(number, what)
        for what in (LOST, RETRANSMISSION, DUPLICATE_ACK)
        if (number := sum(turn.has(what) for turn in turns))
    ]
    return f"... {', '.join(word for word in words if word)} ..."


def _folded(text: str, width: int) -> Line:
    return [(" " * (TIME_WIDTH + STATE_WIDTH + 1), ""), ("│", "line"), (text.center(width), "note"), ("│", "line")]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 or what == LOST else 's'}"
