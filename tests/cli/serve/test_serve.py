"""`sim serve`: what pages see of the network, and what they can do with it."""

from __future__ import annotations

import re
import signal
import socket
import sys
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from sim.cli.main import build
from tests.cli.serve.conftest import Serve
from tests.cli.serve.serving import PAIR, PATIENCE, Onlooker, Serving, written

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")]


def test_the_page_is_served(shared: Serving) -> None:
    answer = requests.get(shared.url, timeout=PATIENCE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    assert 'id="film"' in answer.text
    assert "server" not in answer.headers
    assert requests.get(shared.url.replace("/?", "/favicon.ico?"), timeout=PATIENCE).status_code == 404


def test_who_comes_sees_what_was_and_what_goes_on(shared: Serving) -> None:
    with Onlooker(shared) as first:
        first.ask({"console": "pc", "line": "ping -c 2 -i 0.2 server"})
        first.wait(lambda: "2 sent, 2 received" in first.said["pc"] and "rtt" in first.said["pc"])
        assert set(first.live["can"]["sw"]) == {"mac", "ports", "counters"}
        with Onlooker(shared) as second:
            second.wait(lambda: second.frames == first.frames)
            assert len(second.frames) >= 12
            assert second.said["pc"].endswith(first.said["pc"][-100:])
            second.ask({"console": "server", "line": "arp"})
            first.wait(lambda: "10.0.0.1  02:" in first.said["server"])


def test_windows_are_seen_while_they_grow(shared: Serving) -> None:
    with Onlooker(shared) as first:
        first.ask({"console": "pc", "line": "curl http://server/"})
        first.wait(lambda: "<b>hello</b>" in first.said["pc"])
        first.wait(
            lambda: any(subject.endswith("> 10.0.0.2:80") and values for subject, values in first.series.items())
        )
        with Onlooker(shared) as second:
            second.wait(lambda: second.series == first.series)


def test_a_link_is_cut_by_one_and_the_ping_of_the_other_says_why(shared: Serving) -> None:
    with Onlooker(shared) as first, Onlooker(shared) as second:
        second.ask({"console": "pc", "line": "ping -i 0.2 -W 0.2 server"})
        second.wait(lambda: "64 bytes" in second.said["pc"])
        assert "reply" in first.ask({"do": {"link": {"endpoints": ["server", "sw"], "state": "down"}}})
        second.wait(lambda: "no answer; sw: no other port has a link that is up" in second.said["pc"])
        second.wait(lambda: not second.live["links"][1]["up"])
        assert "reply" in first.ask({"do": {"link": {"endpoints": ["server", "sw"], "state": "up", "loss": "25%"}}})
        second.wait(lambda: second.live["links"][1]["loss"] == "25%" and second.live["links"][1]["up"])
        assert "25% loss" in second.live["links"][1]["text"]
        first.ask({"do": {"link": {"endpoints": ["server", "sw"], "loss": "0%"}}})
        first.ask({"interrupt": "pc"})
        second.wait(lambda: "ping statistics" in second.said["pc"])
        second.wait(lambda: second.live["busy"] == [])


def test_time_stands_still_and_goes_on(shared: Serving) -> None:
    with Onlooker(shared) as first, Onlooker(shared) as second:
        first.ask({"pause": True})
        second.wait(lambda: second.live["state"] == "paused")
        frames = len(second.frames)
        assert "journey" in first.ask({"inject": {"port": "pc", "scapy": "Ether()/IP(dst='10.0.0.2')/ICMP()"}})
        second.wait(lambda: len(second.frames) == frames + 1)
        before = second.live["now"]
        first.ask({"step": True})
        second.wait(lambda: second.live["now"] > before)
        assert first.ask({"inject": {"port": "sw:eth1", "hex": "ff" * 30}})["journey"] > 0
        first.ask({"speed": 5})
        first.ask({"pause": False})
        second.wait(lambda: (second.live["state"], second.live["speed"]) == ("running", 5))
        first.ask({"speed": 1.0})


def test_power_and_places_are_shared(shared: Serving) -> None:
    with Onlooker(shared) as first, Onlooker(shared) as second:
        first.ask({"do": {"node": {"name": "server", "state": "down"}}})
        second.wait(lambda: second.live["dark"] == ["server"])
        first.ask({"do": {"node": {"name": "server", "state": "up"}}})
        second.wait(lambda: second.live["dark"] == [])
        first.ask({"move": {"node": "pc", "x": 10, "y": -20.5}})
        second.wait(lambda: {"positions": {"pc": [10.0, -20.5]}} in second.seen)
        with Onlooker(shared) as third:
            assert third.live["positions"] == {"pc": [10.0, -20.5]}
        first.ask({"move": {"node": "pc", "x": None, "y": None}})
        second.wait(lambda: {"positions": {"pc": None}} in second.seen)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"do": {"link": {"endpoints": ["pc", "server"], "state": "down"}}}, "there is no link between pc and server"),
        ({"do": {"program": {"from": "pc"}}}, "a command is one of link, node, partition, heal"),
        ({"do": 5}, "a command is one of"),
        ({"do": {"link": {"endpoints": ["pc", "sw"], "loss": "lots"}}}, "'lots' is not a probability"),
        ({"inject": {"port": "pc", "scapy": "Eter()"}}, "did you mean Ether?"),
        ({"inject": {"port": "pc", "scapy": "open('/etc/passwd').read()"}}, "is not a layer"),
        ({"inject": {"port": "nowhere", "hex": "ff"}}, "there is no node called 'nowhere'"),
        ({"inject": {"port": "pc"}}, "say what to send"),
        ({"inject": 1}, "inject has a port"),
        ({"console": "nobody", "line": "arp"}, "there is no node called 'nobody'"),
        ({"console": "pc"}, "what is typed is a line"),
        ({"console": ["pc"], "line": "arp"}, "a console is that of a node"),
        ({"interrupt": None}, "a console is that of a node"),
        ({"speed": 0}, "a speed of 0 is none"),
        ({"speed": "fast"}, "a speed is a number"),
        ({"speed": True}, "a speed is a number"),
        ({"pause": "yes"}, "pause is true or false"),
        ({"move": {"node": "nobody", "x": 1, "y": 1}}, "there is no node called 'nobody'"),
        ({"move": {"node": "pc", "x": 1e300, "y": 1}}, "a place is two numbers"),
        ({"move": {"node": "pc", "x": "1", "y": 1}}, "a place is two numbers"),
        ({"pause": True, "step": True}, "a message has one of"),
        ({"dance": True}, "a message has one of"),
    ],
)
def test_what_cannot_be_done_is_said(shared: Serving, message: dict[str, object], error: str) -> None:
    with Onlooker(shared) as page:
        assert error in page.ask(message)["error"]


def test_who_comes_at_once_gets_a_film_as_well(serve: Serve) -> None:
    with Onlooker(serve("name: tree\ngenerate: {tree: {depth: 3, fanout: 10}}\n")) as page:
        assert page.films == 1
        assert len(page.live["links"]) > 1000


STEPS = """
scenario:
  - ping: {from: pc, to: server}
  - {name: hopeless, ping: {from: pc, to: 10.0.0.9, timeout: 50ms}, expect: {received: 1}}
"""


def test_it_ends_with_a_summary(serve: Serve) -> None:
    serving = serve(PAIR + STEPS)
    assert serving.first["topology"] == "pair"
    with Onlooker(serving) as page:
        page.wait(lambda: len(page.frames) > 8)
        status, lines, errors = serving.interrupt()
    assert (status, errors) == (1, "")
    steps = [line["step"]["passed"] for line in lines if "step" in line]
    assert steps == [True, False]
    assert lines[-1]["viewers"] == 1
    assert lines[-1]["frames"] >= 8
    assert "behind the clock" in lines[-1]["lag"]


def test_it_begins_paused_without_the_scenario_and_ends_on_sigterm(serve: Serve) -> None:
    serving = serve(PAIR + STEPS, "--paused", "--no-scenario", "--speed", "0.5", "--seed", "9")
    assert serving.first["seed"] == 9
    with Onlooker(serving) as page:
        assert (page.live["state"], page.live["speed"], page.live["now"]) == ("paused", 0.5, 0)
        assert page.frames == []
    status, lines, errors = serving.interrupt(signal.SIGTERM)
    assert (status, errors, len(lines)) == (0, "", 1)


def test_it_needs_a_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(build(), ["serve", written(tmp_path), "--port", str(port)])
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in result.stderr


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--speed", "0"], ["--seed", "x"]])
def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(build(), ["serve", written(tmp_path), *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_file_that_is_wrong(tmp_path: Path) -> None:
    result = CliRunner().invoke(build(), ["serve", written(tmp_path, "nodes: {pc: {kind: toaster}}\n")])
    assert result.exit_code == 2
    assert "toaster" in result.stderr


def test_what_has_to_be_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [name for name in sys.modules if name.startswith("sim.cli.web")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(build(), ["serve", written(tmp_path)])
    assert result.exit_code == 2
    assert re.search(r"pip install 'packetsim\[web\]'", " ".join(result.stderr.split()))
