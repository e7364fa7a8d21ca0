"""The runner must see what is wrong: scripts that are not quite what a stage does, and lines that cannot be read."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from tests.drill.calls import Program
from tests.drill.frames import Packet, emit
from tests.drill.peer import HOST, PEER, DepartureError, Peer
from tests.drill.runner import Play, Wait
from tests.drill.script import ScriptError, load
from tests.drill.segments import NotationError, emit_option, option_text, parse_segment, read_options, text

MAC = bytes.fromhex("020000000001")
TOLERANCE = 1_000_000

GOOD = """# A stage that answers everything with one segment after a tenth of a second.
0.1  < S 0:0(0) win 1000
+0.1 > R. 0:0(0) ack 1 win 7 <nop,nop,TS val 0 ecr 9>
+0.5 < S 0:0(0) win 1000
+0.1 > R. 0:0(0) ack 1 win 7 <*>
"""


class FakeStage:
    """Nothing but a clock, and a peer whose every segment is answered."""

    def __init__(self, delay: int = 100_000_000, answers: int = 1) -> None:
        self.peer = Peer(MAC, 1000)
        self.program = Program(lambda: None, lambda _: 0, lambda _: None, 0)
        self.arrived: deque[tuple[int, bytes]] = deque()
        self.time = 0
        self.coming: deque[int] = deque()
        self._delay = delay
        self._answers = answers

    def now(self) -> int:
        return self.time

    def send(self, frame: bytes) -> None:
        self.coming.extend([self.time + self._delay] * self._answers)

    def settle(self) -> None:
        """Nothing happens at once."""

    def early(self, after: int) -> int:
        return TOLERANCE

    def late(self, after: int) -> int:
        return TOLERANCE

    def advance(self, wait: Wait) -> None:
        if wait.frames and self.coming and self.coming[0] <= wait.until:
            self.time = self.coming.popleft()
            self.arrived.append((self.time, self._answer()))
        else:
            self.time = wait.until

    def _answer(self) -> bytes:
        packet = Packet(8080, 5001, "R.", 0, 1001, 7, options=bytes.fromhex("0101080a0000000000000009"))
        return bytes(12) + b"\x08\x00" + emit(packet, HOST, PEER)


def play(path: Path, script: str, stage: FakeStage | None = None) -> list[str]:
    file = path / "x.drill"
    file.write_text(script, encoding="ascii")
    stage = stage or FakeStage()
    performance = Play(load(file), stage)
    for wait in performance.run():
        if not (wait.frames and stage.arrived):
            stage.advance(wait)
    return performance.log


def test_a_script_that_is_followed(tmp_path: Path) -> None:
    log = play(tmp_path, GOOD)
    assert [line.split()[0] for line in log] == ["0.1000", "0.2000", "0.7000", "0.8000"]
    assert log[1].endswith("> R. 0:0(0) ack 1 win 7 <nop,nop,TS val 0 ecr 9>")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("R. 0:0(0) ack 1 win 7 <nop", "R 0:0(0) win 7 <nop", "another segment: flags, ack"),
        ("R. 0:0(0) ack 1 win 7 <nop", "R. 1:1(0) ack 1 win 7 <nop", "another segment: seq"),
        ("R. 0:0(0) ack 1 win 7 <nop", "R. 0:5(5) ack 1 win 7 <nop", "another segment: length"),
        ("ack 1 win 7 <nop", "ack 2 win 7 <nop", "another segment: ack"),
        ("win 7 <nop", "win 8 <nop", "another segment: win"),
        ("win 7 <nop", "win 7 urg 1 <nop", "another segment: urg"),
        ("> R. 0:0(0) ack 1 win 7 <*>", "> R. 0:0(0) ack 1 win 7", "another segment: options"),
        ("val 0 ecr 9", "val 0 ecr 8", "another segment: options"),
        ("val 0 ecr 9", "val 5 ecr 9", "another segment: options"),
        ("> R. 0:0(0) ack 1 win 7 <*>", "> [ce] R. 0:0(0) ack 1 win 7 <*>", "another segment: ecn"),
        ("> R. 0:0(0) ack 1 win 7 <*>", "> [nodf] R. 0:0(0) ack 1 win 7 <*>", "another segment: df"),
        ("> R. 0:0(0) ack 1 win 7 <*>", "> #2 R. 0:0(0) ack 1 win 7 <*>", "another segment: connection"),
        ("+0.1 > R. 0:0(0) ack 1 win 7 <*>", "+0.102 > R. 0:0(0) ack 1 win 7 <*>", "too early, by 0.0010 s"),
        ("+0.1 > R. 0:0(0) ack 1 win 7 <*>", "+0.09 > R. 0:0(0) ack 1 win 7 <*>", "nothing came"),
        ("+0.1 > R. 0:0(0) ack 1 win 7 <*>", "", "a segment that is not in the script"),
        ("+0.5 <", "+0.5 > R. 0:0(0) ack 1\n+0 <", "nothing came"),
        ("+0.1 > R. 0:0(0) ack 1 win 7 <nop,nop,TS val 0 ecr 9>", "", "a segment that is not in the script"),
    ],
)
def test_a_departure_is_seen(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(DepartureError) as caught:
        play(tmp_path, GOOD.replace(old, new))
    story = str(caught.value).splitlines()
    assert story[0].partition(": ")[2] == complaint
    assert story[1].strip().startswith("A stage that answers")
    assert story[-1].strip().startswith("expected")


def test_one_segment_too_many_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(DepartureError, match="not in the script"):
        play(tmp_path, GOOD, FakeStage(answers=2))


def test_a_late_segment(tmp_path: Path) -> None:
    with pytest.raises(DepartureError, match="nothing came"):
        play(tmp_path, GOOD, FakeStage(delay=102_000_000))


@pytest.mark.parametrize(
    "line",
    [
        "0 > X 0:0(0)",
        "0 > . 0:0(0)",
        "0 > P 1:11(9)",
        "0 > S 0:0(0) <mss>",
        "0 > [dc] S 0:0(0)",
        "later > S 0:0(0)",
        "0 < icmp nothing-such",
        "0 ? S 0:0(0)",
    ],
)
def test_a_line_that_cannot_be_read(tmp_path: Path, line: str) -> None:
    with pytest.raises(ScriptError, match=r"x\.drill:2: "):
        play(tmp_path, f"# title\n{line}\n")


def test_a_script_says_what_it_shows(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="the first line says what the script shows"):
        play(tmp_path, "0 < S 0:0(0)\n")


@pytest.mark.parametrize(
    "notation",
    [
        "S 0:0(0) win 5 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
        "#2 [ect0] PU. 1:11(10) ack 5 win 9 urg 10 <nop,nop,sack 1:2 5:9>",
        "[nodf] . 1:1(0) ack -5 <raw fe04,eol>",
        "R 77:77(0) <*>",
    ],
)
def test_the_notation_of_a_segment_is_read_as_it_is_written(notation: str) -> None:
    assert text(parse_segment(notation)) == notation


def test_options_in_bytes_are_read_as_they_are_written() -> None:
    notation = "mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7,sack 1:2 3:4,raw fe0401ff"
    options = parse_segment(f"S 0:0(0) <{notation}>").options or []
    data = b"".join(map(emit_option, options))
    assert ",".join(map(option_text, read_options(data + bytes(3)))) == notation
    assert option_text(read_options(b"\x08\x0a\x01")[0]) == "raw 080a01"
    with pytest.raises(NotationError):
        parse_segment("S 0:0(0) <window 7>")
