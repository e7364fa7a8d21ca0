"""What a web server answers, without any connection: sites, ranges, conditions, files."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.services.http_server import files
from sim.services.http_server.answers import Answer, Request, answer
from sim.services.http_server.bodies import MadeUp
from sim.services.http_server.ranges import parse_ranges
from sim.services.http_server.sites import Site, Sites

WHEN = 1_767_225_600.0  # 2026-01-01
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
SETTINGS: dict[str, Any] = {
    "body": "front",
    "redirect": {"/old": "/new", "/away": "https://b.test/"},
    "routes": {
        "/busy": {"status": 503},
        "/sorry": {"status": 500, "body": "<p>sorry"},
        "/none": {"status": 204},
        "/large": {"bytes": 1000},
        "/api/*": {"body": "any"},
        "/api/v1/*": {"body": "first"},
        "/echo": {"echo": True},
        "/post": {"methods": ["POST"], "body": "posted", "status": 201, "type": "application/json"},
        "/slow": {"body": "x", "delay": 5, "rate": 8000, "headers": {"X-Slow": "yes"}},
    },
    "headers": {"X-Site": "a"},
}
SITES = Sites.of(SETTINGS, {"b.test": {"body": "b"}, "*.c.test": {"body": "c"}})


def ask(target: str, method: str = "GET", sites: Sites = SITES, version: str = "1.1", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in {"host": "a.test", **headers}.items()}
    return answer(Request(method, target, fields, version), sites, WHEN)


def body(made: Answer) -> bytes:
    return b"".join(made.pieces())


def field(made: Answer, name: str) -> str | None:
    found = [value for key, value in made.headers if key.lower() == name]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("method", "target", "status", "content"),
    [
        ("GET", "/", 200, b"front"),
        ("GET", "/?a=b", 200, b"front"),
        ("GET", "http://a.test/", 200, b"front"),
        ("GET", "http://a.test", 200, b"front"),
        ("HEAD", "/", 200, b"front"),
        ("GET", "/missing", 404, b"404 Not Found\n"),
        ("GET", "/busy", 503, b"503 Service Unavailable\n"),
        ("GET", "/sorry", 500, b"<p>sorry"),
        ("GET", "/none", 204, b""),
        ("GET", "/api/v2", 200, b"any"),
        ("GET", "/api/v1/users", 200, b"first"),
        ("GET", "/%61pi/x", 200, b"any"),
        ("POST", "/post", 201, b"posted"),
        ("GET", "/post", 405, b"405 Method Not Allowed\n"),
        ("DELETE", "/", 405, b"405 Method Not Allowed\n"),
        ("BREW", "/", 501, b"501 Not Implemented\n"),
        ("OPTIONS", "*", 204, b""),
        ("OPTIONS", "/echo", 204, b""),
        ("GET", "/" + "a" * 9000, 414, None),
        ("GET", "no-slash", 400, b"400 Bad Request\n"),
        ("GET", "/%ff", 400, b"400 Bad Request\n"),
        ("GET", "/%00", 400, b"400 Bad Request\n"),
        ("GET", "http://[::1/", 400, b"400 Bad Request\n"),
        ("GET", "http://a]b/", 400, b"400 Bad Request\n"),
    ],
)
def test_what_a_target_gives(method: str, target: str, status: int, content: bytes | None) -> None:
    made = ask(target, method)
    assert made.status == status
    if content is not None:
        assert body(made) == content


def test_another_version_of_http_is_refused() -> None:
    assert ask("/", version="2.0").status == 505
    assert ask("/", version="1.0").status == 200


@pytest.mark.parametrize(
    ("host", "content"),
    [
        ("a.test", b"front"),
        ("", b"front"),
        ("b.test", b"b"),
        ("B.Test.:8080", b"b"),
        ("x.y.c.test", b"c"),
        ("c.test", b"front"),
    ],
)
def test_virtual_hosts(host: str, content: bytes) -> None:
    assert body(ask("/", host=host)) == content


def test_a_whole_url_says_more_than_the_host_field() -> None:
    assert body(ask("http://b.test/", host="a.test")) == b"b"


def test_a_name_that_nobody_serves() -> None:
    assert ask("/", sites=Sites.of({}, {"b.test": {"body": "b"}}), host="z.test").status == 421


def test_redirects() -> None:
    assert (ask("/old").status, field(ask("/old"), "location")) == (301, "/new")
    assert field(ask("/away"), "location") == "https://b.test/"
    kept = Sites.of({"routes": {"/x": {"redirect": "/y", "status": 308}}}, {})
    assert ask("/x", sites=kept).status == 308


def test_fields_of_the_site_and_of_the_page() -> None:
    assert field(ask("/large"), "x-site") == "a"
    slow = ask("/slow")
    assert (slow.delay, slow.rate, field(slow, "x-slow"), field(slow, "x-site")) == (5, 8000, "yes", None)
    assert field(ask("/sorry"), "content-type") == "text/html; charset=utf-8"
    assert field(ask("/post", "POST"), "content-type") == "application/json"
    assert field(ask("/", "DELETE"), "allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-4", [(0, 5)]),
        ("bytes=5-", [(5, 100)]),
        ("bytes=-7", [(93, 100)]),
        ("bytes=-700", [(0, 100)]),
        ("bytes=90-200", [(90, 100)]),
        ("bytes=0-0, 99-99", [(0, 1), (99, 100)]),
        ("Bytes = 0-4", [(0, 5)]),
        ("bytes=100-", []),
        ("bytes=-0", []),
        ("bytes=200-300,0-1", [(0, 2)]),
        ("bytes=4-2", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("lines=0-4", None),
        ("bytes=0-99,0-99", None),  # more than the whole
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(9)), None),
    ],
)
def test_ranges(value: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(value, 100) == expected


@given(st.text(max_size=40), st.integers(0, 1000))
def test_any_range_lies_within_the_content(text: str, size: int) -> None:
    for start, stop in parse_ranges("bytes=" + text, size) or ():
        assert 0 <= start < stop <= size


def test_a_part_of_the_content() -> None:
    whole = body(ask("/large"))
    assert len(whole) == 1000
    part = ask("/large", range="bytes=10-19")
    assert (part.status, body(part), field(part, "content-range")) == (206, whole[10:20], "bytes 10-19/1000")
    beyond = ask("/large", range="bytes=1000-")
    assert (beyond.status, field(beyond, "content-range")) == (416, "bytes */1000")
    assert ask("/large", "HEAD", range="bytes=0-1").status == 200
    assert ask("/large", range="nonsense").status == 200


def test_several_parts_at_once() -> None:
    from email import message_from_bytes

    whole = body(ask("/large"))
    made = ask("/large", range="bytes=0-9,-5")
    kind = field(made, "content-type")
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body(made))
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    assert parts == [whole[:10], whole[-5:]]
    assert made.size == len(body(made))


def test_a_copy_that_is_still_good() -> None:
    tag = field(ask("/large"), "etag")
    assert tag is not None
    assert ask("/large", if_none_match=tag).status == 304
    assert ask("/large", if_none_match=f'"x", W/{tag}').status == 304
    assert ask("/large", if_none_match='"x"').status == 200
    assert ask("/large", if_match='"x"').status == 412
    assert ask("/large", if_match="*").status == 200
    assert ask("/large", range="bytes=0-1", if_range=tag).status == 206
    assert ask("/large", range="bytes=0-1", if_range='"x"').status == 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "www"
    (root / "sub").mkdir(parents=True)
    (root / "index.html").write_text("<p>index")
    (root / "sub" / "index.html").write_text("<p>sub")
    (root / "a b.txt").write_text("text")
    (root / "empty").mkdir()
    (root / ".hidden").write_text("hidden")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "www-too").mkdir()
    (tmp_path / "www-too" / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", root / "link.txt")
    os.symlink(tmp_path, root / "up")
    os.symlink(root / "index.html", root / "inside.html")
    return root


def test_files_of_a_folder(folder: Path) -> None:
    sites = Sites.of({"root": str(folder)}, {})
    index = ask("/", sites=sites)
    assert (body(index), field(index, "content-type")) == (b"<p>index", "text/html; charset=utf-8")
    assert field(index, "last-modified") == DATE
    assert body(ask("/a%20b.txt?x", sites=sites)) == b"text"
    assert body(ask("/inside.html", sites=sites)) == b"<p>index"
    moved = ask("/sub?q", sites=sites)
    assert (moved.status, field(moved, "location")) == (301, "/sub/?q")
    assert body(ask("/sub/", sites=sites)) == b"<p>sub"
    assert ask("/empty/", sites=sites).status == 404
    assert ask("/a%20b.txt/", sites=sites).status == 404
    assert ask("/", sites=sites, if_modified_since=DATE).status == 304
    assert ask("/", sites=sites, if_modified_since="yesterday").status == 200
    assert ask("/", sites=sites, if_unmodified_since="Wed, 31 Dec 2025 00:00:00 GMT").status == 412


def test_a_folder_below_a_path(folder: Path) -> None:
    sites = Sites.of({"routes": {"/files/*": {"root": str(folder)}}}, {})
    assert body(ask("/files/sub/", sites=sites)) == b"<p>sub"
    assert ask("/index.html", sites=sites).status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/../www-too/secret.txt",
        "/link.txt",
        "/up/secret.txt",
        "/.hidden",
        "/sub/../.hidden",
        "//../secret.txt",
        "/%2e%2e%2fsecret.txt",
    ],
)
def test_no_path_leads_out_of_the_folder(folder: Path, target: str) -> None:
    assert ask(target, sites=Sites.of({"root": str(folder)}, {})).status == 404


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["..", ".", "", "sub", "up", "link.txt", "www-too", "secret.txt", "\0", "~"]), max_size=6)
)
def test_whatever_is_found_lies_within(parts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "www"
        (root / "sub").mkdir(parents=True)
        (Path(name) / "secret.txt").write_text("secret")
        os.symlink(name, root / "up")
        found = files.find(str(root), "/" + "/".join(parts))
        assert found is None or os.path.realpath(root) + os.sep in found[0]


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_any_part_of_what_is_made_up_is_that_of_the_whole(start: int, size: int) -> None:
    content = MadeUp(100_000)
    stop = min(100_000, start + size)
    whole = (b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 012345678\n" * 1600)[:100_000]
    assert b"".join(content.pieces(start, stop)) == whole[start:stop]


def test_a_path_of_its_own_wins() -> None:
    site = Site.of({"routes": {"/a": {"body": "1"}, "/*": {"body": "2"}}})
    found = [site.route(path) for path in ("/a", "/b")]
    assert [None if one is None else one[0].body for one in found] == ["1", "2"]


def test_mutated_requests_get_an_answer(folder: Path) -> None:
    chance, sites = random.Random(1), Sites.of({**SETTINGS, "root": str(folder)}, {})
    targets = ("/sub/index.html?q", "/large#x", "http://a.test:80/old", "/..%2f..%2fsecret.txt", "http://[::1]/")
    fields = {
        "range": "bytes=0-9,-5",
        "if-none-match": '"a", W/"b"',
        "if-modified-since": DATE,
        "if-unmodified-since": DATE,
        "if-range": DATE,
        "host": "a.test:80",
    }

    def mutated(text: str) -> str:
        characters = list(text)
        for _ in range(chance.randint(0, 4)):
            place = chance.randrange(len(characters) + 1)
            new = [chr(chance.randrange(256)) for _ in range(chance.randrange(3))]
            characters[place : place + chance.randrange(3)] = new
        return "".join(characters)

    found = set()
    for _ in range(3_000):
        headers = {name: mutated(value) for name, value in fields.items() if chance.random() < 0.5}
        made = answer(
            Request(chance.choice(("GET", "HEAD", "PUT")), mutated(chance.choice(targets)), headers), sites, WHEN
        )
        assert len(body(made)) == made.size
        assert b"secret" not in body(made)
        found.add(made.status)
    assert {200, 301, 304, 400, 404, 405, 412} <= found
