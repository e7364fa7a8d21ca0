"""Real clients in a namespace and the servers of a simulated host, over a TAP device."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.services import smtp_sink, socks_proxy
from sim.services.http_server.bodies import MadeUp
from sim.services.http_server.server import serve
from sim.units import SECOND

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

pytestmark = [pytest.mark.root, pytest.mark.slow]

SIZE = 10_000_000
SITE: dict[str, Any] = {
    "body": "hello",
    "redirect": {"/old": "/"},
    "routes": {"/large": {"bytes": SIZE, "chunked": True}, "/echo": {"echo": True}},
}
PATIENCE = 60 * SECOND


def web(lab: Lab, port: int = 80, **settings: Any) -> None:
    """A web server on h2."""
    lab.build(record=False)
    lab.host("h2").serve(partial(serve, port, **SITE, **settings), name="http")


def test_curl_gets_ten_megabytes_over_https(lab: Lab, tmp_path: Path) -> None:
    lab.build(record=False)
    authority = lab.net.authority
    (tmp_path / "ca.pem").write_text(authority.pem())
    certificate = authority.file(("h2.test", "10.0.2.10"))
    lab.host("h2").serve(partial(serve, 443, **SITE, certificate=certificate), name="https")
    file = tmp_path / "large"
    told = lab.run(
        f"curl -sS --cacert {tmp_path}/ca.pem -w %{{http_code}}:%{{ssl_verify_result}} -o {file} https://10.0.2.10/large",
        PATIENCE,
    )
    assert told == "200:0"
    whole = hashlib.sha256(b"".join(MadeUp(SIZE).pieces(0, SIZE))).digest()
    assert hashlib.sha256(file.read_bytes()).digest() == whole
    assert "certificate" in lab.run("curl -sS https://10.0.2.10/", PATIENCE)


def test_curl_over_http(lab: Lab, tmp_path: Path) -> None:
    web(lab)
    url = "http://10.0.2.10"
    assert lab.run(f"curl -sS -L -w :%{{num_connects}}:%{{http_version}} {url}/old") == "hello:1:1.1"
    assert "HTTP/1.1 200 OK" in lab.run(f"curl -sS -I {url}/")
    assert lab.run(f"curl -sS -r 1-2 {url}/") == "el"
    assert lab.run(f"curl -sS -H Transfer-Encoding:chunked -d data {url}/echo") == "data"
    assert lab.run(f"curl -sS -o /dev/null -w %{{http_code}} {url}/missing") == "404"


def test_curl_through_a_socks_proxy_in_the_network(lab: Lab) -> None:
    """The proxy on h1 looks up the name, which is a node's."""
    web(lab)
    lab.host("h1").serve(socks_proxy.serve)
    assert lab.run("curl -sS --socks5-hostname 10.0.1.10:1080 http://h2/") == "hello"


def test_curl_sends_a_mail(lab: Lab, tmp_path: Path) -> None:
    lab.build(record=False)
    service = lab.host("h2").serve(smtp_sink.serve)
    mail = tmp_path / "mail"
    mail.write_text("Subject: from curl\r\n\r\n.a line\r\n")
    command = f"curl -sS smtp://10.0.2.10 --mail-from a@a.test --mail-rcpt b@b.test -T {mail}"
    assert lab.run(command) == ""
    assert service.stdout == "mail from <a@a.test> to <b@b.test>, 31 bytes: from curl\n"
