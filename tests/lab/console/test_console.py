"""What is typed on a node, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.lab.api import load
from sim.lab.console.console import LONGEST_LINE, VERBS, Console
from sim.lab.console.words import UsageError, read, seconds, split, whole
from sim.lab.network import Network
from sim.units import SECOND

OFFICE = """
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.2/24, gateway: 10.0.0.1, dns: 10.0.1.53}
  gw: {kind: gateway, interfaces: {lan: 10.0.0.1/24, outside: 10.0.1.1/24}}
  sw: {kind: switch}
  web:
    kind: host
    ip: 10.0.1.80/24
    gateway: 10.0.1.1
    services: [{http: {body: "it works\\n", routes: {/slow: {body: late, delay: 60s}}}}, echo]
  ns:
    kind: dns
    ip: 10.0.1.53/24
    gateway: 10.0.1.1
    records: {web.corp.test: 10.0.1.80, www.corp.test: {CNAME: web.corp.test}}
links:
  - {endpoints: [pc, "gw:lan"], delay: 10ms}
  - ["gw:outside", sw]
  - [web, sw]
  - [ns, sw]
"""


class Typing:
    """Somebody at the console of a node; `said` is all that came."""

    def __init__(self, net: Network, name: str) -> None:
        self.net = net
        self.said = ""
        self.console = Console(net, net[name], self._say)

    def enter(self, line: str, wait: int = 3 * SECOND) -> str:
        """Type a line, let time pass, and return what came of it; without the line itself."""
        self.said = ""
        self.console.enter(line)
        self.net.run(until=self.net.now + wait)
        return self.said.partition("\n")[2]

    def _say(self, text: str) -> None:
        self.said += text


@pytest.fixture
def net(tmp_path: Path) -> Network:
    path = tmp_path / "office.yaml"
    path.write_text(OFFICE)
    return load(path)


@pytest.fixture
def at(net: Network) -> Callable[[str], Typing]:
    return lambda name: Typing(net, name)


At = Callable[[str], Typing]


def test_a_line_is_repeated_with_a_prompt(at: At) -> None:
    pc = at("pc")
    pc.enter("routes")
    assert pc.said.startswith("pc$ routes\n")


def test_ping_tells_each_answer_and_what_it_came_to(at: At) -> None:
    assert at("pc").enter("ping -c 2 web").splitlines() == [
        "PING web (10.0.1.80) 56(84) bytes of data.",
        "64 bytes from 10.0.1.80: icmp_seq=1 ttl=63 time=40.01ms",
        "64 bytes from 10.0.1.80: icmp_seq=2 ttl=63 time=20.01ms",
        "--- web ping statistics ---",
        "2 sent, 2 received, 0% lost",
        "rtt min/avg/max = 20.01ms / 30.01ms / 40.01ms",
    ]


def test_a_ping_goes_on_until_it_is_interrupted(at: At) -> None:
    pc = at("pc")
    said = pc.enter("ping web", 10 * SECOND)
    assert said.count("64 bytes") == 10
    assert "sent" not in said
    assert pc.console.busy
    pc.console.interrupt()
    assert "^C\n--- web ping statistics ---\n11 sent, 10 received" in pc.said
    assert not pc.console.busy
    pc.console.interrupt()  # nothing runs: nothing happens
    assert pc.said.count("^C") == 1


def test_a_ping_that_is_not_answered_says_where_it_was_lost(net: Network, at: At) -> None:
    pc = at("pc")
    pc.enter("ping -c 1 web")
    net.set_link(net.link_between("sw", "web"), up=False)
    said = pc.enter("ping -c 2 web")
    assert "icmp_seq=1 no answer; sw: does not know where the destination lives, and nobody takes it\n" in said
    assert "2 sent, 0 received, 100% lost" in said


def test_a_ping_from_a_host_whose_cable_is_out(net: Network, at: At) -> None:
    net.set_link(net.link_between("pc", "gw"), up=False)
    assert "icmp_seq=1 network is unreachable\n" in at("pc").enter("ping -c 1 web")


def test_a_ping_that_a_router_refuses(at: At) -> None:
    assert "From 10.0.0.1 icmp_seq=1 time to live exceeded" in at("pc").enter("ping -c 1 -t 1 web")


def test_traceroute(at: At) -> None:
    assert at("pc").enter("traceroute web").splitlines() == [
        "traceroute to web (10.0.1.80), 30 hops at most",
        " 1  gw (10.0.0.1)  40ms  time to live exceeded",
        " 2  web (10.0.1.80)  20.01ms  port unreachable",
    ]


def test_a_traceroute_that_is_interrupted(net: Network, at: At) -> None:
    net.set_link(net.link_between("sw", "web"), up=False)
    pc = at("pc")
    assert " 2  *  no answer; gw: still asks who has 10.0.1.80" in pc.enter("traceroute web", 5 * SECOND)
    pc.console.interrupt()
    assert not pc.console.busy
    before = pc.said
    net.run(until=net.now + 5 * SECOND)
    assert pc.said == before


def test_curl(at: At) -> None:
    pc = at("pc")
    assert pc.enter("curl http://web.corp.test/").startswith("it works\n[200 OK, 9 bytes, dns ")
    assert pc.enter("curl -i web").startswith("HTTP/1.1 200 OK\n")
    assert "[curl: connection refused, " in pc.enter("curl http://web:81/")


def test_a_curl_that_is_interrupted(at: At) -> None:
    pc = at("pc")
    pc.enter("curl http://web/slow")
    assert pc.console.busy
    pc.console.interrupt()
    pc.net.run(until=pc.net.now + SECOND)
    assert pc.said.endswith("^C\ninterrupted\n")
    assert not pc.console.busy


def test_dig(at: At) -> None:
    said = at("pc").enter("dig www.corp.test")
    assert "status: NOERROR\nwww.corp.test is another name of web.corp.test\n" in said
    assert "www.corp.test  A  10.0.1.80  (TTL 3600)" in said
    assert "status: NXDOMAIN" in at("pc").enter("dig @ns no.corp.test")
    assert at("web").enter("dig www.corp.test") == "web has no name server: dig @SERVER www.corp.test\n"


def test_nc(at: At) -> None:
    assert at("pc").enter("nc web 7 hello there", 5 * SECOND) == "hello there\n[12 bytes came back]\n"
    assert at("pc").enter("nc -u web 7 hello", 5 * SECOND) == "hello\n[6 bytes came back]\n"
    assert at("pc").enter("nc web 9 hello") == "[connection refused]\n"


def test_a_name_that_a_name_server_knows_can_be_pinged(at: At) -> None:
    assert "PING www.corp.test (10.0.1.80)" in at("pc").enter("ping -c 1 www.corp.test")
    assert at("pc").enter("ping no.corp.test") == "no.corp.test: Name or service not known (NXDOMAIN from 10.0.1.53)\n"
    assert at("web").enter("ping nobody") == "nobody: no node is called so, and web has no name server to ask\n"


def test_tables(at: At) -> None:
    pc = at("pc")
    pc.enter("ping -c 1 web")
    assert "10.0.0.1  02:" in pc.enter("arp")
    assert pc.enter("ip route") == pc.enter("routes") == pc.enter("route")
    assert "0.0.0.0/0    10.0.0.1  eth0       0" in pc.enter("routes")
    assert "10.0.0.2/24" in pc.enter("ip addr")
    assert "TCP 0.0.0.0:80  LISTEN" in at("web").enter("ss")
    assert at("sw").enter("mac").count("02:00:") == 2
    assert "icmp 10.0.0.2:1  10.0.1.1:1" in at("gw").enter("nat")
    assert "sent " in at("sw").enter("counters")
    assert at("pc").enter("cache") == "no entries under DNS cache\n"


def test_each_node_has_its_own_verbs(at: At) -> None:
    assert set(at("pc").console.verbs()) == set(VERBS) - {"mac", "nat", "connections"}
    assert set(at("sw").console.verbs()) == {"mac", "ports", "counters"}
    assert at("pc").enter("mac") == "pc is a host: mac is nothing for it; try help\n"
    assert "ping [-c N]" in at("pc").enter("help")
    assert "ping" not in at("sw").enter("help").replace("Ctrl-C", "")


def test_one_thing_at_a_time(at: At) -> None:
    pc = at("pc")
    pc.enter("ping web")
    assert "something is running here: Ctrl-C ends it\n" in pc.enter("ping web")
    assert "10.0.0.1" in pc.enter("routes"), "but one can look"


def test_the_power_fails(net: Network, at: At) -> None:
    pc = at("pc")
    pc.enter("ping web")
    net.set_power("pc", False)
    assert pc.said.endswith("pc has been switched off\n")
    assert not pc.console.busy
    assert pc.enter("ping web") == "pc is switched off\n"
    net.set_power("pc", True)
    assert "64 bytes" in pc.enter("ping -c 1 web")


def test_the_power_fails_under_a_program(net: Network, at: At) -> None:
    pc = at("pc")
    pc.enter("curl http://web/slow")
    net.set_power("pc", False)
    net.run(until=net.now + SECOND)
    assert pc.said.endswith("pc has been switched off\n")
    assert not pc.console.busy


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("pin web", "pin: there is no such command, did you mean ping?"),
        ("rm -rf /", "rm: there is no such command; try help"),
        ("ping", "ping takes a host; usage: ping [-c N] [-i S] HOST"),
        ("ping -c", "-c takes a value; usage: "),
        ("ping -c many web", "many is no value for -c; usage: "),
        ("ping -c 0 web", "0 is no value for -c; usage: "),
        ("ping -i 0.001 web", "0.001 is no value for -i; usage: "),
        ("ping -i nan web", "nan is no value for -i; usage: "),
        ("ping --flood web", "there is no option --flood; usage: "),
        ("ping 'web", "no closing quotation"),
        ("curl", "curl takes a URL; usage: "),
        ("curl -H x http://web/", "x is no value for -H; usage: "),
        ("dig", "dig takes a name and perhaps a type; usage: "),
        ("dig web NOTYPE", "this cannot be asked: "),
        ("dig +dnssec web", "there is no option +dnssec; usage: "),
        ("nc web", "nc takes a host, a port, and what is to be sent; usage: "),
        ("nc web http hello", "http is no port; usage: "),
        ("x" * (LONGEST_LINE + 1), f"a line has {LONGEST_LINE} characters at most"),
    ],
)
def test_what_cannot_be_done_is_said(at: At, line: str, text: str) -> None:
    pc = at("pc")
    assert pc.enter(line).startswith(text)
    assert not pc.console.busy


def test_the_readme_shows_what_a_console_says() -> None:
    root = Path(__file__).parents[3]
    net = load(root / "topologies" / "office.yaml")
    pc = Typing(net, "pc1")
    pc.enter("ping web", SECOND // 2)
    net.set_link(net.link_between("r1", "r3"), up=False)
    net.run(until=net.now + SECOND)
    net.set_link(net.link_between("web", "sw3"), up=False)
    net.run(until=net.now + 2 * SECOND)
    pc.console.interrupt()
    assert pc.said in (root / "README.md").read_text(encoding="utf-8")


def test_nothing_is_typed(at: At) -> None:
    pc = at("pc")
    pc.enter("   ")
    assert pc.said == ""


def test_words() -> None:
    assert split("curl -d 'a b' http://web/") == ["curl", "-d", "a b", "http://web/"]
    assert read(["-c3", "web", "-v", "-"], {"-c": whole(1, 9), "-v": None}) == ({"-c": 3, "-v": True}, ["web", "-"])
    assert seconds(0.1, 5)("0.5") == 500_000_000
    for words in (["-x"], ["-vv"], ["-c", "10"]):
        with pytest.raises(UsageError):
            read(words, {"-c": whole(1, 9), "-v": None})
