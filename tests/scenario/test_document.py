"""Places, aliases and merges; and files that are too much."""

from __future__ import annotations

import os
from pathlib import Path
from time import process_time

import pytest

from sim.errors import TopologyError
from sim.scenario.document import MAX_BYTES, MAX_VALUES, parse, read

TEXT = """\
nodes:
  pc1: {kind: host, ip: 10.0.0.1/24}
  r1:
    kind: router
    interfaces:
      lan: [10.0.0.2/24,
            10.0.0.3/24]
links:
  - [pc1, r1]
  - endpoints: [pc1, r1]
    delay: 1ms
"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (1, 1)),
        (("nodes",), False, (1, 1)),
        (("nodes", "pc1"), False, (2, 3)),
        (("nodes", "pc1", "ip"), False, (2, 25)),
        (("nodes", "pc1", "ip"), True, (2, 21)),
        (("nodes", "pc1", "ip", 0), False, (2, 25)),
        (("nodes", "pc1", "gateway"), False, (2, 3)),
        (("nodes", "r1", "interfaces", "lan", 1), False, (7, 13)),
        (("nodes", "r1", "interfaces", "lan", "ip", 1), False, (7, 13)),
        (("nodes", "r1", "interfaces", "wan"), False, (5, 5)),
        (("links", 0), False, (9, 5)),
        (("links", 0, "endpoints", 1), False, (9, 11)),
        (("links", 1), False, (10, 5)),
        (("links", 1, "delay"), False, (11, 12)),
        (("links", 7), False, (9, 3)),
        (("nothing",), True, (1, 1)),
    ],
)
def test_places(path: tuple[str | int, ...], key: bool, place: tuple[int, int]) -> None:
    assert parse(TEXT).locate(path, key) == place


def test_an_error_shows_the_line_and_a_caret() -> None:
    error = parse(TEXT, "office.yaml").error(("links", 1, "delay"), "too slow", "hurry")
    assert str(error) == "office.yaml:11:12: error: too slow\n        delay: 1ms\n               ^\nhint: hurry"


def test_tabs_in_a_line_do_not_move_the_caret() -> None:
    error = parse("a: [1,\t2]").error(("a", 1), "no")
    assert str(error).splitlines()[1:] == ["    a: [1, 2]", "           ^"]


def test_long_lines_are_not_quoted() -> None:
    assert "^" not in str(parse("a: " + "x" * 500).error(("a",), "no"))


def test_line_ends_of_every_kind() -> None:
    for end in ("\n", "\r\n", "\r"):
        document = parse(end.join(["a: 1", "b:", "  - 2", "  - 3"]))
        assert document.locate(("b", 1)) == (4, 5)
        assert document.source(4) == "  - 3"


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse("\ufeffa: 1").value == {"a": 1}


def test_aliases_and_merges() -> None:
    document = parse(
        "base: &base {kind: host, mtu: 1400}\n"
        "more: &more {mtu: 9000, label: x}\n"
        "same: *base\n"
        "one: {<<: *base, mtu: 1500}\n"
        "two:\n  <<: [*base, *more]\n  label: y\n"
    )
    assert document.value["same"] == {"kind": "host", "mtu": 1400}
    assert document.value["one"] == {"kind": "host", "mtu": 1500}
    assert document.value["two"] == {"kind": "host", "mtu": 1400, "label": "y"}
    assert document.locate(("two", "kind"), key=True) == (1, 14)


def test_nothing_is_nothing() -> None:
    assert parse("").value is None
    assert parse("# only words\n").value is None


def _refusal(text: str) -> tuple[str, float]:
    begin = process_time()
    with pytest.raises(TopologyError) as caught:
        parse(text)
    return caught.value.message, process_time() - begin


@pytest.mark.parametrize("start", ["[", "{a: ", "- ", "a:\n ", "? ", "a: [", "&a [", "- - - "])
def test_deep_nesting_is_refused_at_once(start: str) -> None:
    text = start * 100_000
    if start == "a:\n ":
        text = "".join(" " * level + "a:\n" for level in range(3_000))
    _, seconds = _refusal(text)
    assert seconds < 1


def test_deep_nesting_is_named() -> None:
    assert _refusal("[" * 100_000)[0] == "nested too deep: more than 64 levels"
    assert parse("[" * 64 + "]" * 64).value


def test_aliases_cannot_nest_deeper() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    assert "once this alias is written out" in _refusal(text)[0]


def test_billion_laughs() -> None:
    text = "a0: &a0 [lol]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40))
    message, seconds = _refusal(text)
    assert message.startswith("too many values")
    assert seconds < 0.1


def test_billion_merges() -> None:
    keys = ", ".join(f"k{i}: 1" for i in range(1000))
    message, seconds = _refusal(f"a: &a {{{keys}}}\nb:\n" + "  - {<<: [*a, *a, *a, *a]}\n" * 1000)
    assert message.startswith("too many values")
    assert seconds < 1


@pytest.mark.slow
def test_a_million_nodes_are_refused_fast() -> None:
    text = "nodes:\n" + "".join(f"  n{i}: {{}}\n" for i in range(1_000_000))
    message, seconds = _refusal(text)
    assert message == f"too many values: a topology has at most {MAX_VALUES:,}, aliases written out"
    assert seconds < 5


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    with file.open("wb") as stream:
        stream.truncate(100 * 2**20)
    begin = process_time()
    with pytest.raises(TopologyError, match="the file is too big: 100 MiB, where at most 16 MiB are read"):
        read(file)
    assert process_time() - begin < 0.2


def test_too_big_a_text_is_refused() -> None:
    assert _refusal(" " * (MAX_BYTES + 1))[0].startswith("the file is too big")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="no such file"):
        read(tmp_path / "nothing.yaml")
    with pytest.raises(TopologyError, match="this is a folder"):
        read(tmp_path)
    with pytest.raises(TopologyError, match="cannot be read"):
        read(f"{tmp_path}/a\0b")
    with pytest.raises(TopologyError, match="cannot be read"):
        read(tmp_path / ("x" * 5000))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file here")
def test_an_endless_file_is_refused() -> None:
    with pytest.raises(TopologyError, match="the file is too big"):
        read(os.fspath("/dev/zero"))


@pytest.mark.parametrize(
    ("data", "message", "place", "hint"),
    [
        (b"a: caf\xe9\n", "the file is not UTF-8 text: byte 0xe9 cannot stand here", (1, 7), "save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "byte 0xff", (1, 1), "it looks like UTF-16: save it as UTF-8"),
        (b"a: 1\nb: \x00\n", "the character U+0000 cannot stand in YAML", (2, 4), "is this a text file?"),
        (b"\x7fELF\x01", "the character U+007F cannot stand in YAML", (1, 1), "is this a text file?"),
    ],
)
def test_files_that_are_not_text(tmp_path: Path, data: bytes, message: str, place: tuple[int, int], hint: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    with pytest.raises(TopologyError) as caught:
        read(file)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column, caught.value.hint) == (*place, hint)


def test_a_lone_surrogate_is_refused() -> None:
    assert _refusal("a: \ud800")[0] == "the character U+D800 cannot stand in YAML"
