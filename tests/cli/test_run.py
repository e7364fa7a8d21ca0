from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scapy.utils import PcapNgReader, rdpcap
from typer.testing import CliRunner, Result

from sim.cli.main import build

TOPOLOGIES = Path(__file__).parent.parent.parent / "topologies"
OFFICE = str(TOPOLOGIES / "office.yaml")


def sim(*arguments: str) -> Result:
    return CliRunner().invoke(build(), list(arguments))


def test_run_prints_each_step_and_its_path() -> None:
    result = sim("run", OFFICE)
    assert result.exit_code == 0
    assert "ok    the first floor reaches the web server" in result.stdout
    assert "pc1 > hub1 > r1 > r3 > sw3 > web" in result.stdout
    assert "7 of 7 steps passed" in result.stdout
    assert "\x1b" not in result.stdout


def test_run_json_is_one_document() -> None:
    result = sim("run", OFFICE, "--json", "--seed", "5")
    report = json.loads(result.stdout)
    assert (report["passed"], report["seed"], len(report["steps"])) == (True, 5, 7)
    assert len(report["digest"]) == 64
    assert report["steps"][0]["path"] == ["pc1", "hub1", "r1", "r3", "sw3", "web"]


def test_what_leads_out_is_refused_before_anything_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "out.yaml"
    path.write_text("nodes:\n  t: {kind: tap, device: tap0}\n  h: {kind: host, ip: 10.0.0.1/24}\nlinks: [[t, h]]\n")
    result = sim("run", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path}:2:13: error: tap 't' leads out of the simulation" in result.stderr
    assert "hint: `sim bridge FILE` runs it in real time" in result.stderr
    assert sim("check", str(path)).exit_code == sim("show", str(path)).exit_code == 0
    assert sim("path", str(path), "h", "10.0.0.9").exit_code == 1
    assert "t drops it: not open" in sim("path", str(path), "h", "10.0.0.9").stdout


@pytest.fixture
def failing(tmp_path: Path) -> str:
    path = tmp_path / "fails.yaml"
    path.write_text(
        "nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}\n"
        "links: [[a, b]]\n"
        "scenario: [{name: '<too> & optimistic', ping: {from: a, to: b}, expect: {received: 2}}]\n"
    )
    return str(path)


def test_a_failed_expectation_is_exit_status_1(failing: str, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    result = sim("run", failing, "-q", "--junit", str(junit))
    assert result.exit_code == 1
    assert "received: expected 2, got 1" in result.stdout
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    case = suite.find("testcase")
    assert case is not None
    assert case.get("name") == "1 <too> & optimistic"
    assert case.find("failure") is not None


def test_quiet_says_nothing_when_all_is_well() -> None:
    assert sim("run", OFFICE, "-q").stdout == ""


def test_out_writes_captures_events_and_the_report(tmp_path: Path) -> None:
    result = sim("run", OFFICE, "-q", "--out", str(tmp_path / "new" / "folder"))
    assert result.exit_code == 0
    folder = tmp_path / "new" / "folder"
    names = {path.name for path in folder.iterdir()}
    assert {"office.pcapng", "events.jsonl", "report.json", "pc1-eth0.pcap", "r1-to_r3.pcap"} <= names
    single = [bytes(packet) for packet in rdpcap(str(folder / "pc1-eth0.pcap"))]
    with PcapNgReader(str(folder / "office.pcapng")) as reader:
        merged = [bytes(packet) for packet in reader]
    assert single
    assert all(frame in merged for frame in single)
    header = json.loads((folder / "events.jsonl").read_text().splitlines()[0])
    assert (header["format"], header["version"]) == ("packetsim-events", 2)
    assert json.loads((folder / "report.json").read_text())["passed"] is True


def test_until_cuts_a_run_short() -> None:
    result = sim("run", OFFICE, "--until", "1s")
    assert result.exit_code == 1
    assert "it did not come to its end" in result.stdout


def test_verbose_prints_the_journeys() -> None:
    result = sim("run", str(TOPOLOGIES / "two_subnets.yaml"), "-v")
    assert "IPv4 time to live: 64 -> 63" in result.stdout
    assert "floods it to 2 ports: the destination is everybody" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", OFFICE, "--until", "soon"),
        ("run",),
        ("run", OFFICE, "--seed", "x"),
        ("run", OFFICE, "--series", "here.txt"),
        ("path", OFFICE, "pc1", "web", "--tcp", "80", "--udp", "80"),
    ],
)
def test_wrong_usage_is_exit_status_2(arguments: tuple[str, ...]) -> None:
    result = sim(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_path_shows_flood_arp_rewrite_and_delivery() -> None:
    result = sim("path", str(TOPOLOGIES / "two_subnets.yaml"), "pc1", "server")
    assert result.exit_code == 0
    for text in (
        "pc1 asks first who has 10.0.1.1 (ARP on eth0)",
        "sw1 learns that 02:00:00:00:01:10 lives behind eth1",
        "sw1 floods it to 2 ports: the destination is everybody",
        "sw1 knows where the destination lives: forwards to eth3 only",
        "r1 chooses the route 10.0.2.0/24 direct dev right",
        "Ethernet source: 02:00:00:00:01:10 -> 02:00:00:00:02:01",
        "IPv4 time to live: 64 -> 63",
        "delivered  pc1 > sw1 > r1 > sw2 > server",
    ):
        assert text in result.stdout


def test_path_says_where_and_why_it_died() -> None:
    result = sim("path", str(TOPOLOGIES / "ttl_death.yaml"), "pc1", "203.0.113.9")
    assert result.exit_code == 1
    assert "drops it: TTL expired" in result.stdout
    assert "not delivered" in result.stdout.splitlines()[-1]


HANDSHAKE = str(TOPOLOGIES / "tcp_handshake.yaml")


def test_run_draws_the_ladder_of_a_connection() -> None:
    result = sim("run", HANDSHAKE)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (syn,) = [line for line in lines if "[SYN]" in line and "SYN-RECEIVED" in line][:1]
    assert syn.split() == [
        *("0s", "SYN-SENT", "│──", "[SYN]", "Seq=0", "Win=64240", "MSS=1460", "SACK_PERM", "TS", "WS=256"),
        *("─" * 14 + ">│", "SYN-RECEIVED"),
    ]
    assert any("[RST, ACK]" in line and line.endswith("reset") for line in lines)
    assert any(line.endswith("after 1s, r1 drops it: host unreachable") for line in lines)


def test_a_long_transfer_is_folded_unless_more_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(
        "nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}\n"
        "links: [{endpoints: [a, b], bandwidth: 10Mbps}]\n"
        "scenario: [{tcp: {from: a, to: b, port: 80, bytes: 300kB}, expect: {intact: true}}]\n"
    )
    short, whole = sim("run", str(path)).stdout, sim("run", str(path), "-v").stdout
    assert len(short.splitlines()) < 25
    assert "segments, " in short
    assert len(whole.splitlines()) > 300
    assert "..." not in whole


def test_several_connections_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(
        "nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}\n"
        "links: [{endpoints: [a, b], bandwidth: 10Mbps}]\n"
        "scenario: [{tcp: {from: a, to: b, port: 80, bytes: 20kB, flows: 20}, expect: {intact: true}}]\n"
    )
    lines = sim("run", str(path)).stdout.splitlines()
    assert any(line.split() == ["connection", "received", "throughput", "retransmissions"] for line in lines)
    assert sum("20,000 bytes" in line for line in lines) == 16
    assert "          ... and 4 more" in lines
    ladders = sim("run", str(path), "-v").stdout
    assert sum("SYN-RECEIVED" in line for line in ladders.splitlines()) == 10
    data = json.loads(sim("run", str(path), "--json").stdout)["steps"][0]["outcome"]
    assert (len(data["flows"]), data["received"]) == (20, 400_000)


@pytest.mark.parametrize("name", ["found.csv", "found.json"])
def test_series_are_written_where_asked(name: str, tmp_path: Path) -> None:
    plain = json.loads(sim("run", HANDSHAKE, "--json").stdout)
    arguments = ("--series", str(tmp_path / name), "--out", str(tmp_path / "out"))
    recorded = json.loads(sim("run", HANDSHAKE, "--json", *arguments).stdout)
    assert recorded == plain  # the digest as well
    text = (tmp_path / name).read_text("utf-8")
    if name.endswith("json"):
        assert json.loads(text)["format"] == "packetsim-series"
    assert (tmp_path / "out" / "series.csv").read_text("utf-8").startswith("time_ns,subject,series,value\n")


def test_path_tcp_shows_the_handshake() -> None:
    result = sim("path", HANDSHAKE, "pc1", "web", "--tcp", "80")
    assert result.exit_code == 0
    assert "pc1 wants to send: TCP connection to 10.0.0.80 port 80" in result.stdout
    assert "TCP 49152 > 80 [SYN] Seq=" in result.stdout
    assert "web takes it in: TCP port 80" in result.stdout
    assert result.stdout.splitlines()[-1] == "connected in 40.2ms  pc1 > sw1 > r1 > web"


@pytest.mark.parametrize(
    ("destination", "options", "verdict"),
    [
        ("web", ("--no-listen",), "connection refused after 40.18ms  pc1 > sw1 > r1 > web   web: connection refused"),
        ("10.0.0.99", (), "no route to host after 3s  pc1 > sw1 > r1   r1: host unreachable"),
    ],
)
def test_path_tcp_says_why_it_did_not_connect(destination: str, options: tuple[str, ...], verdict: str) -> None:
    result = sim("path", HANDSHAKE, "pc1", destination, "--tcp", "80", *options)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == verdict


def test_path_tcp_as_json() -> None:
    data = json.loads(sim("path", HANDSHAKE, "pc1", "web", "--tcp", "80", "--json").stdout)
    assert (data["delivered"], data["outcome"]) == (True, "connected in 40.2ms")
    assert data["path"] == ["pc1", "sw1", "r1", "web"]


def test_path_udp_and_json() -> None:
    result = sim("path", OFFICE, "pc1", "web", "--udp", "53", "--json")
    data = json.loads(result.stdout)
    assert (data["delivered"], data["path"][-1]) == (True, "web")
    assert data["hops"][0]["from"] == "pc1:eth0"
    assert data["hops"][0]["children"]


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [("pc9", "web", "no node called 'pc9'"), ("pc1", "wbe", "did you mean 'web'"), ("sw2", "web", "sw2 is a switch")],
)
def test_path_names_what_does_not_exist(source: str, destination: str, message: str) -> None:
    result = sim("path", OFFICE, source, destination)
    assert result.exit_code == 2
    assert message in result.stderr
