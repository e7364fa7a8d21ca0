"""Every kind of note has its sentences in every language, and they say what the note and its frame say."""

from __future__ import annotations

import re

import pytest

from sim.tracing import kinds
from sim.tracing.journeys import Note
from sim.tracing.recorder import Detail
from sim.views.sentences import LANGUAGES, TEMPLATES, explain, sentence

MAC = bytes.fromhex("0200000000aa")
SOURCE, DESTINATION = bytes.fromhex("020000000001"), bytes.fromhex("020000000005")
FRAME = DESTINATION + SOURCE + b"\x08\x00" + bytes(46)
ADDRESS = b"\x0a\0\0\1"
EXAMPLES: dict[int, Detail] = {
    kinds.REPEAT: 3,
    kinds.LEARN: (MAC, "eth1"),
    kinds.MOVE: (MAC, "eth1", "eth2"),
    kinds.TABLE_FULL: (MAC, 4),
    kinds.EXPIRE: (MAC, "eth1"),
    kinds.FORGET: ("eth1", 2),
    kinds.FLOOD: ("unknown", 1),
    kinds.ARP_ASK: (ADDRESS, "eth0"),
    kinds.ARP_PROBE: (ADDRESS, "eth0"),
    kinds.ARP_LEARN: (ADDRESS, MAC, "eth0"),
    kinds.ARP_FAIL: (ADDRESS, "eth0"),
    kinds.FRAGMENT: (3, 600),
    kinds.REASSEMBLE: (3, 1400),
    kinds.LINK: ("eth1", "down"),
    kinds.STEP: (1, "ping"),
    kinds.CONFLICT: (ADDRESS, MAC),
    kinds.TCP_STATE: (49152, 80, "SYN-SENT", "ESTABLISHED"),
    kinds.TRANSLATE: ("source", "10.0.0.1:5", "203.0.113.2:5", "new mapping, port kept"),
    kinds.JUDGE: ("rule 2", "allow tcp to port 80"),
}


def said(kind: int, detail: Detail, language: str = "en") -> str:
    return sentence(Note(0, "n", kind, detail), FRAME, language)


@pytest.mark.parametrize("language", ["brief", *LANGUAGES])
def test_every_kind_has_a_sentence(language: str) -> None:
    found = [said(kind, EXAMPLES.get(kind, "text"), language) for kind in kinds.NAMES]
    assert len(set(found)) == len(kinds.NAMES)
    for name, text in zip(kinds.NAMES.values(), found, strict=True):
        assert name == "step" or not text.startswith(f"{name} "), "it fell back to the name of the kind"
        assert not re.search("[{}]|b'", text)


def test_the_languages_say_the_same() -> None:
    """Each key of the English table is there in Chinese, with the same things in braces."""
    for key, template in TEMPLATES["en"].items():
        other = TEMPLATES["zh"][key]
        assert places(other) <= places(template) | places_of_zh(key), key
        assert re.search("[\u4e00-\u9fff]", other) or key == "dhcp", key


def places(template: str) -> set[str]:
    return set(re.findall(r"\{([^{}:]+)", template))


def places_of_zh(key: str) -> set[str]:
    """What Chinese names and English leaves to the words around it."""
    return {"move": {"0"}, "learn": {"1"}, "tcp-state.* * * CLOSED": {"2"}}.get(key, set())


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        (kinds.FLOOD, ("unknown", 3), "has not learned 02:00:00:00:00:05, so it floods it to 3 ports"),
        (kinds.FLOOD, ("unknown", 1), "has not learned 02:00:00:00:00:05, so it floods it to 1 port"),
        (kinds.FLOOD, ("of some new reason", 2), "floods it to 2 other ports (of some new reason)"),
        (kinds.DELIVER, "UDP port 53", "takes it in: a program has UDP port 53 open"),
        (kinds.DELIVER, "something new", "takes it in: something new"),
        (kinds.DROP, "no ARP today", "drops it: no ARP today"),
        (kinds.DROP, "firewall rule 2 (deny tcp)", "drops it: rule 2 (deny tcp) of its firewall forbids it"),
        (kinds.ROUTE, "192.0.2.0/24 scope unknown", "chooses the route 192.0.2.0/24 scope unknown"),
        (kinds.TCP_STATE, (1, 2, "LISTEN", "ESTABLISHED"), "TCP port 1: LISTEN becomes ESTABLISHED"),
        (99, ("new", 1), "99 new 1"),
    ],
)
def test_sentences(kind: int, detail: Detail, text: str) -> None:
    assert said(kind, detail) == text


def test_the_default_route_is_called_by_its_name() -> None:
    detail = "0.0.0.0/0 via 192.0.2.1 dev eth0"
    assert said(kinds.ROUTE, detail).endswith("so the packet goes to the gateway 192.0.2.1 by way of eth0")
    assert "默认网关 192.0.2.1" in said(kinds.ROUTE, detail, "zh")


def test_in_chinese() -> None:
    assert said(kinds.FLOOD, ("unknown", 3), "zh") == (
        "还没有学到 02:00:00:00:00:05 在哪个端口后面，所以向其余 3 个端口泛洪"  # noqa: RUF001
    )


def test_words_inside_of_a_sentence_are_translated_as_well() -> None:
    detail = ("source", "10.0.0.1:5", "203.0.113.2:6", "new mapping, port 5 not free, hairpin")
    assert "新建映射" in said(kinds.TRANSLATE, detail, "zh")
    assert "发夹" in said(kinds.TRANSLATE, detail, "zh")


def test_what_a_note_says_is_never_read_as_a_template() -> None:
    assert said(kinds.DROP, "{0} {source} {1:#|#}") == "drops it: {0} {source} {1:#|#}"


def test_a_frame_that_is_too_short_or_not_there() -> None:
    assert sentence(Note(0, "n", kinds.FORWARD, "eth1"), b"", "en").startswith("has learned that ? lives behind eth1")


def test_the_short_form() -> None:
    assert explain(Note(0, "sw1", kinds.FLOOD, ("unknown", 3))) == (
        "floods it to 3 ports: it has not learned where the destination lives"
    )
    assert explain(Note(0, "sw1", kinds.LEARN, (MAC, "eth1"))) == "learns that 02:00:00:00:00:aa lives behind eth1"
    assert explain(Note(0, "fw", kinds.JUDGE, ("rule 2", "allow tcp"))) == "lets it pass: firewall rule 2 (allow tcp)"


def test_there_is_no_other_language() -> None:
    with pytest.raises(KeyError):
        said(kinds.DROP, "loss", "tlh")
