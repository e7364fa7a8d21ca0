"""Programs that everybody has, and simulated servers behind a NAT and a line that loses 2 % of the frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bridge.session import Bridge
from tests.bridge.office import host
from tests.bridge.tools import output
from tests.bridge.wan import LARGE, PUBLIC, lost, open_wan, translated

PAGE = """<!doctype html>
<title>empty</title>
<link rel="stylesheet" href="style.css">
<script src="http://img.corp.test/pixel.js"></script>
<body><p id="answer">waiting</p>
<script>
const text = "x".repeat(100000);
const asked = new XMLHttpRequest();
asked.open("POST", "/form", false);
asked.send(text);
const width = getComputedStyle(document.getElementById("answer")).width;
document.getElementById("answer").innerText = `${document.title}, ${asked.responseText.length}, ${width}`;
</script>
"""
STYLE = "#answer { width: 321px }"
SCRIPT = 'document.title = "from afar"'

pytestmark = pytest.mark.slow


@pytest.fixture
def wan(tmp_path: Path) -> Iterator[Bridge]:
    for file, text in {"www/page.html": PAGE, "www/style.css": STYLE, "img/pixel.js": SCRIPT}.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    with open_wan(tmp_path, socks=0, proxy=0, dns=0) as bridge:
        bridge.endpoint("web", 80)  # it has started before pytest gives the test another sys.stdout
        yield bridge


def at(bridge: Bridge, name: str) -> str:
    address, port = bridge.ports[name]
    return f"{address}:{port}"


def log(bridge: Bridge) -> str:
    """What the web server has printed."""
    (process,) = host(bridge, "web").services
    text: str = bridge.call(lambda: process.stdout)
    return text


def check_the_way(bridge: Bridge) -> None:
    """It was the long way: the NAT has translated, the line has lost something."""
    assert translated(bridge) > 0
    assert lost(bridge) > 0


def test_curl_at_a_published_port(wan: Bridge) -> None:
    body = output("curl", "-sS", "--noproxy", "*", wan.url("web", 80, "/large"))
    assert body == LARGE
    assert log(wan).startswith(f"{PUBLIC} GET ")
    check_the_way(wan)


def test_curl_sends_a_form(wan: Bridge) -> None:
    command = ["curl", "-sS", "--noproxy", "*", "--data-binary", "@-", wan.url("web", 80, "/form")]
    assert output(*command, data=LARGE) == LARGE
    check_the_way(wan)


def test_curl_through_socks(wan: Bridge) -> None:
    command = ["curl", "-sS", "--noproxy", "none", "--socks5-hostname", at(wan, "socks"), "http://web.corp.test/large"]
    assert output(*command) == LARGE
    check_the_way(wan)


def test_wget_through_the_http_proxy(wan: Bridge) -> None:
    proxy = {"http_proxy": f"http://{at(wan, 'proxy')}", "no_proxy": ""}
    body = output("wget", "-q", "-O", "-", "--tries=1", "http://web.corp.test/large", environment=proxy)
    assert body == LARGE
    assert log(wan) == f"{PUBLIC} GET web.corp.test/large 200 {len(LARGE)}\n"
    check_the_way(wan)


def test_wget_at_a_published_port(wan: Bridge) -> None:
    assert output("wget", "-q", "--no-proxy", "-O", "-", "--tries=1", wan.url("web", 80, "/large")) == LARGE
    check_the_way(wan)


def test_a_browser_through_socks(wan: Bridge, tmp_path: Path) -> None:
    """A page with a style sheet, a script of another server, and a script that sends and receives by itself."""
    document = output(
        "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--proxy-server=socks5://{at(wan, 'socks')}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--dump-dom",
        "http://web.corp.test/page.html",
    ).decode()
    assert '<p id="answer">from afar, 100000, 321px</p>' in document
    for request in ("GET web.corp.test/style.css 200", "GET img.corp.test/pixel.js 200", "POST web.corp.test/form 200"):
        assert f"{PUBLIC} {request} " in log(wan)
    check_the_way(wan)


@pytest.mark.parametrize("way", ["+notcp", "+tcp"])
def test_dig_asks_again(wan: Bridge, way: str) -> None:
    """Each of some questions is answered in the end, though some get lost."""
    address, port = wan.ports["dns"]
    wan.step(link={"endpoints": ["home", "isp"], "loss": "15%"})
    names = ["web.corp.test", "img.corp.test", "db.corp.test"] * 2
    said = output("dig", f"@{address}", "-p", str(port), way, "+time=1", "+tries=8", "+short", *names).decode()
    answers = [line for line in said.splitlines() if not line.startswith(";;")]
    assert answers == ["203.0.113.80", "web.corp.test.", "203.0.113.80", "203.0.113.90"] * 2
    check_the_way(wan)
