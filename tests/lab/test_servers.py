"""Services of a topology's hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.lab.runner import Run
from sim.lab.servers import SERVERS
from sim.scenario.load import load
from sim.scenario.services import Service

TWO_HOSTS = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24, services: [SERVICE]}
links: [[a, b]]
scenario:
  - tcp: {from: a, to: b, port: PORT, data: hello, listen: false}
    expect: {connected: true, received: 0}
  - udp: {from: a, to: b, port: PORT, listen: false, data: hello}
    expect: {replies: 1}
  - node: {name: b, state: down}
  - node: {name: b, state: up}
  - tcp: {from: a, to: b, port: PORT, listen: false}
    expect: {connected: true}
"""


@pytest.mark.parametrize(
    ("service", "port"), [("echo", 7), ("echo: {}", 7), ("echo: {port: 7777}", 7777), ("echo: ", 7)]
)
def test_a_service_runs_from_the_beginning_and_again_after_a_power_cut(tmp_path: Path, service: str, port: int) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        TWO_HOSTS.replace("SERVICE", service if service == "echo" else f"{{{service}}}").replace("PORT", str(port))
    )
    report = Run(load(path)).run()
    assert [step.failures for step in report.steps if not step.passed] == []
    assert [entry["name"] for entry in report.services()] == ["echo"]


def test_each_service_has_a_program() -> None:
    assert {*SERVERS, "program", "dhcp"} == set(Service.model_fields)  # DHCP works below sockets: sim/lab/dhcp.py
