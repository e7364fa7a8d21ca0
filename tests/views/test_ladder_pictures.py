"""Ladders for documents: SVG and Mermaid, from conversations made by hand."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from sim.tracing.recorder import Recorder
from sim.views.ladder_mermaid import ladder_mermaid
from sim.views.ladder_svg import ladder_svg
from tests.views.conftest import FLOW, Conversation

MS = 1_000_000
SVG = "{http://www.w3.org/2000/svg}"


def lossy(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100, lost="loss")
    said.say(210 * MS, True, ".", 1, 1, 100)
    said.close(300 * MS, 101, 1)


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_the_svg_says_what_the_ladder_in_the_terminal_says(said: Conversation) -> None:
    lossy(said)
    found = texts(ladder_svg(said.recorder, said.flow))
    assert found[:4] == ["pc1", "10.0.0.1:49152", "web", "10.0.0.2:80"]
    assert "[SYN] Seq=0 Win=64240 MSS=1460 SACK_PERM TS WS=128" in found
    for word in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "TIME-WAIT", "lost: loss at pc1:eth0"):
        assert word in found


def test_labels_lie_between_the_two_lines(said: Conversation) -> None:
    lossy(said)
    root = ElementTree.fromstring(ladder_svg(said.recorder, said.flow))
    lines = sorted({float(p.get("d", "")[1:].split()[0]) for p in root.iter(f"{SVG}path") if p.get("class") == "life"})
    left, right = lines
    for element in root.iter(f"{SVG}text"):
        text = element.text or ""
        if text.startswith("["):
            assert float(element.get("x", "0")) == pytest.approx((left + right) / 2)
            assert len(text) * 7.3 < right - left
    assert right < float(root.get("width", "0"))


def test_what_is_lost_ends_in_a_cross_and_not_in_an_arrowhead(said: Conversation) -> None:
    lossy(said)
    groups = list(ElementTree.fromstring(ladder_svg(said.recorder, said.flow)).iter(f"{SVG}g"))
    bad = [group for group in groups if group.get("class") == "bad"]
    assert [len(list(group)) for group in bad] == [1]
    assert [group.get("class") for group in groups].count("again") == 1


def test_a_name_cannot_leave_its_text(said: Conversation) -> None:
    lossy(said)
    said.recorder.nodes[0] = "<script>alert(1)</script>\x1b\"'&"
    assert "<script" not in ladder_svg(said.recorder, said.flow)
    assert texts(ladder_svg(said.recorder, said.flow))[0].startswith("<script>")
    assert "<script" not in ladder_mermaid(said.recorder, said.flow)


def test_a_long_one_is_folded(said: Conversation) -> None:
    said.handshake()
    for number in range(300):
        said.say((5 + number) * MS, True, ".", 1 + number * 10, 1, 10)
    assert sum(text.startswith("[") for text in texts(ladder_svg(said.recorder, said.flow))) < 50
    assert any("segments" in text for text in texts(ladder_svg(said.recorder, said.flow)))
    assert "Note over c,s: ... 29" in ladder_mermaid(said.recorder, said.flow)


def test_the_mermaid_diagram(said: Conversation) -> None:
    lossy(said)
    lines = [
        re.sub(r"#(\d+);", lambda match: chr(int(match[1])), line)
        for line in ladder_mermaid(said.recorder, said.flow).splitlines()
    ]
    assert lines[:6] == [
        "sequenceDiagram",
        "    participant c as pc1<br/>10.0.0.1:49152",
        "    participant s as web<br/>10.0.0.2:80",
        "    c->>s: 0s [SYN] Seq=0 Win=64240 MSS=1460 SACK_PERM TS WS=128",
        "    Note over c: SYN-SENT",
        "    Note over s: SYN-RECEIVED",
    ]
    assert "    c-xs: 5ms [ACK] Seq=1 Ack=1 Len=100 Win=64256" in lines
    assert "    Note over c,s: lost: loss at pc1:eth0" in lines


def test_nothing_to_draw() -> None:
    assert ladder_svg(Recorder(), FLOW) == ladder_mermaid(Recorder(), FLOW) == ""


def test_the_same_bytes_each_time(said: Conversation) -> None:
    lossy(said)
    assert ladder_svg(said.recorder, said.flow) == ladder_svg(said.recorder, said.flow)
