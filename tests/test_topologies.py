"""Every shipped topology: clean in `sim check`, passes its own expectations, readable by tshark, the same each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sim
from sim.lab.runner import Report

TOPOLOGIES = Path(__file__).parent.parent / "topologies"
FILES = sorted(TOPOLOGIES.glob("*.yaml"))
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
TSHARK_CHECKS = (
    "ip.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "tcp.desegment_tcp_streams:FALSE",  # each frame is in the file once for every port: no stream can be put together
)

named = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def reports() -> dict[Path, Report]:
    return {path: sim.run(path) for path in FILES}


def test_there_are_topologies() -> None:
    assert len(FILES) >= 7


@named
def test_opens_with_what_it_teaches(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    comment = text[: text.index("\nname:")].splitlines()
    assert len(comment) >= 5
    assert all(line.startswith("#") for line in comment)
    assert any("Look:" in line for line in comment)


@named
def test_meets_its_expectations(path: Path, reports: dict[Path, Report]) -> None:
    report = reports[path]
    assert report.error is None
    assert {step.name: step.failures for step in report.steps if not step.passed} == {}


@named
def test_says_what_it_expects(path: Path) -> None:
    """A step that sends something and expects nothing shows nothing."""
    from sim.scenario.load import load

    for step in load(path).scenario:
        if step.kind not in {"link", "node", "partition", "heal", "wait"}:
            assert step.expect.checks(), f"{step.name} expects nothing"


@named
def test_is_clean_in_sim_check(path: Path) -> None:
    from sim.scenario.load import problems

    assert [problem for problem in problems(path) if problem.severity == "error"] == []


@named
@needs_tshark
@pytest.mark.slow
def test_tshark_reads_its_captures(path: Path, reports: dict[Path, Report], tmp_path: Path) -> None:
    """No malformed packet and no bad checksum, but for the frames that were crafted to have one."""
    trace = reports[path].network.trace
    merged = tmp_path / "all.pcapng"
    trace.write_pcapng(merged)
    single = trace.write_pcaps(tmp_path)
    arguments = ["tshark", "-r", str(merged), "-T", "fields", "-e", "frame.number", "-Y"]
    bad = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"
    for check in TSHARK_CHECKS:
        arguments[1:1] = ["-o", check]
    found = subprocess.run([*arguments, bad], capture_output=True, text=True, check=True).stdout.split()
    crafted_on_purpose = 4 if path.stem == "crafted_frames" else 0  # the bad checksum: two links, both ends
    assert len(found) == crafted_on_purpose
    total = subprocess.run([*arguments, "frame"], capture_output=True, text=True, check=True).stdout.split()
    assert len(total) == len(trace.captured())
    assert len(single) == len({event.port for event in trace.captured()})


@pytest.mark.parametrize("name", ["web", "proxies", "web_programs"])
@needs_tshark
@pytest.mark.slow
def test_tshark_reads_the_pages_that_the_client_has_got(name: str, reports: dict[Path, Report], tmp_path: Path) -> None:
    """Requests, answers and their content, put together from the segments at the client's port."""
    path = TOPOLOGIES / f"{name}.yaml"
    reports[path].network.trace.write_pcaps(tmp_path)
    arguments = ["tshark", "-r", str(tmp_path / "pc1-eth0.pcap"), "-T", "fields", "-e", "http.response.code", "-Y"]
    found = {
        what: subprocess.run([*arguments, what], capture_output=True, text=True, check=True).stdout.split()
        for what in ("_ws.malformed || http.unknown_header", "http.request", "http.response")
    }
    assert found["_ws.malformed || http.unknown_header"] == []
    assert len(found["http.response"]) >= 2
    assert set(found["http.response"]) >= {"200", "404"}


RUN = """
import sys, sim
for path in sys.argv[1:]:
    trace = sim.run(path).network.trace
    print(trace.digest(payload="https:" not in open(path, encoding="utf-8").read()))
"""


def digest(path: Path, report: Report) -> str:
    """Of a run with TLS that of its shape: its keys come from the system, not from the seed."""
    return report.network.trace.digest(payload="https:" not in path.read_text(encoding="utf-8"))


def digests(paths: list[Path], hash_seed: str) -> list[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    arguments = [sys.executable, "-c", RUN, *map(str, paths)]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    return run.stdout.split()


@pytest.mark.slow
def test_same_seed_same_digest_in_another_process_with_another_hash_seed(reports: dict[Path, Report]) -> None:
    here = [digest(path, reports[path]) for path in FILES]
    assert digests(FILES, "1") == here
    assert digests(FILES, "2") == here


def test_another_seed_is_another_run(reports: dict[Path, Report]) -> None:
    path = TOPOLOGIES / "lossy_wan.yaml"
    assert sim.run(path, seed=8).digest != reports[path].digest


def test_two_networks_in_one_process_do_not_disturb_one_another(reports: dict[Path, Report]) -> None:
    """Two runs stepped in turn, a bit of virtual time each, end as the same two runs one after the other."""
    from sim.lab.runner import Run
    from sim.scenario.load import load

    paths = [TOPOLOGIES / "lossy_wan.yaml", TOPOLOGIES / "office.yaml"]
    networks = [Run(load(path)).network for path in paths]
    alone = [Run(load(path)).network for path in paths]
    for net in (*networks, *alone):
        hosts = [node for node in net.nodes.values() if node.kind == "host"]
        for index, host in enumerate(hosts):
            other = hosts[index - 1]
            net.engine.after(index * 1000, ping_starter(net, host, other.name))
    for step in range(1, 300):
        for net in networks:
            net.run(until=step * 1_000_000)
    for net in alone:
        net.run(until=299_000_000)
    assert [net.trace.digest() for net in networks] == [net.trace.digest() for net in alone]
    assert networks[0].trace.digest() != networks[1].trace.digest()


def ping_starter(net: sim.Network, host: object, other: str):  # type: ignore[no-untyped-def]
    from sim.services.ping import Ping

    return lambda: Ping(host, net.resolve(other), lambda: None, count=3, interval=50_000_000).start()  # type: ignore[arg-type]
