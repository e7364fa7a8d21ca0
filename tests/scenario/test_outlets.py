"""What `sim check` says of files with a TAP device or a tunnel: whoever is behind it, is not known to be missing."""

from __future__ import annotations

import pytest

from sim.scenario.load import loads, problems_in
from sim.scenario.model import Vxlan
from sim.scenario.ports import Ports, wiring
from sim.scenario.segments import segments_of

TEXT = """
nodes:
  x: NODE
  pc: {kind: host, ip: 10.0.0.1/24, gateway: 10.0.0.254}
  dyn: {kind: host, ip: DYNAMIC}
  sw: {kind: switch}
links: [[x, sw], [pc, sw], [dyn, sw]]
scenario:
  - ping: {from: pc, to: 10.99.0.1}
"""
TAP = "{kind: tap, device: tap0}"
VXLAN = "{kind: vxlan, vni: 1, local: 127.0.0.1, remote: 127.0.0.2}"
MISSING = {"gateway-missing", "no-dhcp-server", "unreachable-destination"}


def codes(text: str) -> set[str]:
    """The problems, with one host that asks for an address, and with none."""
    return {
        problem.code for address in ("dhcp", "10.0.0.2/24") for problem in problems_in(text.replace("DYNAMIC", address))
    }


@pytest.mark.parametrize(("node", "found"), [(TAP, set()), (VXLAN, set()), ("{kind: hub}", MISSING)])
def test_who_is_outside_may_be_the_router_and_the_dhcp_server(node: str, found: set[str]) -> None:
    assert codes(TEXT.replace("NODE", node)) == found


def test_a_cable_that_is_pulled_out_leads_nowhere() -> None:
    assert codes(TEXT.replace("NODE", TAP).replace("[x, sw]", "{endpoints: [x, sw], state: down}")) == MISSING


def test_it_has_one_port_linked_or_not() -> None:
    topology = loads(TEXT.replace("NODE", TAP).replace("DYNAMIC", "dhcp"))
    wires = wiring(topology)
    assert Ports(topology, wires).of("x") == ["eth0"]
    (segment,) = segments_of(topology, wires)
    assert segment.open
    assert list(segment.bridges) == ["sw"]
    assert [problem.code for problem in problems_in(f"nodes:\n  x: {TAP}\n")] == ["unlinked-node"]


def test_a_port_of_udp_is_vxlans_own_if_none_is_written() -> None:
    node = loads(TEXT.replace("NODE", VXLAN).replace("DYNAMIC", "dhcp")).nodes["x"]
    assert isinstance(node, Vxlan)
    assert (str(node.local), [str(end) for end in node.remote]) == ("127.0.0.1:4789", ["127.0.0.2:4789"])


def test_anywhere_has_to_be_written_out() -> None:
    text = TEXT.replace("NODE", "{kind: vxlan, vni: 1, local: 0.0.0.0, remote: 192.0.2.1ANYWHERE}")
    text = text.replace("DYNAMIC", "dhcp")
    assert [problem.line for problem in problems_in(text.replace("ANYWHERE", ""))] == [3]
    assert [problem.line for problem in problems_in(text.replace("ANYWHERE", ", anywhere: false"))] == [3]
    assert problems_in(text.replace("ANYWHERE", ", anywhere: true")) == []
