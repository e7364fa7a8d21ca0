"""DHCP in whole networks: from YAML and from Python, with cables, power cuts, routers and conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.errors import TopologyError
from sim.lab.dhcp import clients, clients_of, server_of, settle
from sim.lab.nodes import LabHost
from sim.lab.runner import Report, Run
from sim.scenario.load import loads
from sim.units import SECOND
from sim.wire.addresses import format_ip

OFFICE = """
nodes:
  srv: {kind: host, ip: 10.0.0.1/24, services: [{dhcp: {pool: 10.0.0.100-10.0.0.109, lease: 100s, ping: false}}]}
  pc1: {kind: host, ip: dhcp}
  pc2: {kind: host, ip: dhcp}
  sw1: {kind: switch}
links: [[srv, sw1], [pc1, sw1], [pc2, sw1]]
scenario:
"""


def run(text: str, scenario: str = "") -> Report:
    return Run(loads(text + scenario)).run()


def failures(report: Report) -> list[list[str]]:
    return [step.failures for step in report.steps]


def addresses(host: object) -> list[str]:
    assert isinstance(host, LabHost)
    return [format_ip(address) for address, _ in host.stack.interfaces[0].addresses]


def office() -> sim.Network:
    """The office, with nothing planned."""
    text = OFFICE.replace("scenario:\n", "")
    return Run(loads(text)).network


# -- the beginning


def test_the_first_step_begins_when_everybody_has_an_address() -> None:
    report = run(OFFICE, "  - ping: {from: pc1, to: pc2}\n    expect: {received: 1, path: [pc1, sw1, pc2]}\n")
    assert failures(report) == [[]]
    step = report.steps[0]
    assert step.started is not None
    assert 4 * SECOND < step.started < 9 * SECOND


def test_the_first_step_does_not_wait_for_a_server_that_is_not_there() -> None:
    text = "nodes:\n  a: {kind: host, ip: dhcp}\n  b: {kind: host, ip: 10.0.0.2/24}\nlinks: [[a, b]]\nscenario:\n"
    report = run(text, "  - ping: {from: b, to: a}\n  - ping: {from: a, to: b}\n    expect: {received: 0}\n")
    assert report.steps[0].started is not None
    assert 3 * SECOND <= report.steps[0].started <= 5 * SECOND
    assert failures(report) == [["error: a has no IP address: its DHCP client is selecting"], []]


def test_a_client_whose_cable_is_out_is_not_waited_for() -> None:
    text = OFFICE.replace("[pc2, sw1]]", "{endpoints: [pc2, sw1], state: down}]")
    report = run(text, "  - wait: 1ms\n  - link: {endpoints: [pc2, sw1], state: up}\n  - dhcp: {on: pc2}\n")
    assert failures(report) == [[], [], []]
    assert report.steps[2].outcome["address"] == "10.0.0.101"


def test_a_step_with_a_time_begins_at_its_time() -> None:
    report = run(OFFICE, "  - ping: {from: srv, to: pc1}\n    at: 100ms\n    expect: {error: no IP address}\n")
    assert failures(report) == [[]]
    assert report.steps[0].started == SECOND // 10


@pytest.mark.parametrize(
    "step",
    [
        "ping: {from: srv, to: pc1}",
        "traceroute: {from: srv, to: pc1}",
        "udp: {from: srv, to: pc1, port: 7}",
        "tcp: {from: srv, to: 'pc1:eth0', port: 7}",
    ],
)
def test_every_step_to_who_has_no_address_fails_with_the_same_words(step: str) -> None:
    report = run(
        OFFICE, f"  - dhcp: {{on: pc1, action: release}}\n  - {step}\n  - {step}\n    expect: {{error: stopped}}\n"
    )
    name = "pc1:eth0" if "eth0" in step else "pc1"
    assert failures(report) == [[], [f"error: {name} has no IP address: its DHCP client is stopped"], []]


def test_what_is_not_there_is_still_an_error_of_the_file() -> None:
    with pytest.raises(TopologyError, match="there is no node 'pc3'"):
        loads(OFFICE + "  - ping: {from: pc1, to: pc3}\n")


# -- Python


def test_a_network_in_python() -> None:
    net = sim.Network(seed=3)
    pc = net.host("pc", ip="dhcp")
    router = net.router("r1", {"lan": "192.168.1.1/24"})
    net.link(pc, "r1:lan", delay="1ms")
    from sim.services.dhcp.server import Server
    from sim.services.dhcp.server_daemon import ServerDaemon
    from tests.services.dhcp.subnets import subnet

    router.add_daemon(ServerDaemon(router, Server([subnet("192.168.1.0/24", "192.168.1.50-192.168.1.60")])))
    settle(net)
    assert addresses(pc) == ["192.168.1.50"]
    assert pc.ping("192.168.1.1").received == 1
    assert pc.resolver.servers == ["192.168.1.53", "192.168.1.54"]


def test_a_run_without_an_end_ends_all_the_same() -> None:
    """Leases are renewed for ever; nothing waits for that."""
    net = office()
    net.run()
    assert net.now < 30 * SECOND
    net.run(until="1h")
    assert [client.bound for client in clients(net)] == [True, True]
    assert server_of(net["srv"]) is not None


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    digests = [Run(loads(OFFICE + "  - wait: 5min\n"), seed).run().digest for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


# -- cables and power


def test_a_cable_that_was_out_is_followed_by_the_question_whether_the_lease_is_good() -> None:
    report = run(
        OFFICE,
        "  - link: {endpoints: [pc1, sw1], state: down}\n"
        "  - link: {endpoints: [pc1, sw1], state: up}\n"
        "  - wait: 1s\n"
        "  - dhcp: {on: pc1}\n    expect: {state: bound, address: 10.0.0.100}\n",
    )
    assert failures(report) == [[]] * 4
    (client,) = clients_of(report.network["pc1"])
    assert report.network.trace.journey(client.roots[-1]).text.startswith("DHCP request from")


def test_moved_to_another_network_it_is_refused_there_and_gets_an_address_of_it() -> None:
    """r1 serves two networks; the cable is moved by taking one link down and the other up."""
    text = """
nodes:
  r1:
    kind: router
    interfaces: {a: 10.1.0.1/24, b: 10.2.0.1/24}
    services: [dhcp: 10.1.0.100-10.1.0.109, dhcp: 10.2.0.100-10.2.0.109]
  pc: {kind: host, ip: dhcp}
  hub: {kind: hub}
links: [[pc, hub], {endpoints: [hub, "r1:a"]}, {endpoints: [hub, "r1:b"], state: down}]
scenario:
  - dhcp: {on: pc}
    expect: {address: 10.1.0.100, router: 10.1.0.1}
  - link: {endpoints: [pc, hub], state: down}
  - link: {endpoints: [hub, "r1:a"], state: down}
  - link: {endpoints: [hub, "r1:b"], state: up}
  - link: {endpoints: [pc, hub], state: up}
  - wait: 10s
  - dhcp: {on: pc}
    expect: {address: 10.2.0.100, router: 10.2.0.1, routes: {pc: {0.0.0.0/0: 10.2.0.1, 10.1.0.0/24: null}}}
  - ping: {from: pc, to: r1:b}
    expect: {received: 1}
"""
    text = text.replace(
        "services: [dhcp: 10.1.0.100-10.1.0.109, dhcp: 10.2.0.100-10.2.0.109]",
        "services: [{dhcp: 10.1.0.100-10.1.0.109}, {dhcp: 10.2.0.100-10.2.0.109}]",
    ).replace("to: r1:b}", 'to: "r1:b"}')
    assert failures(run(text)) == [[]] * 8


def test_after_a_power_cut_a_client_begins_anew_and_gets_its_address_again() -> None:
    report = run(
        OFFICE,
        "  - node: {name: pc1, state: down}\n"
        "    expect: {leases: {srv: {pc1: 10.0.0.100}}}\n"
        "  - node: {name: pc1, state: up}\n"
        "  - dhcp: {on: pc1}\n    expect: {address: 10.0.0.100}\n",
    )
    assert failures(report) == [[]] * 3
    (client,) = clients_of(report.network["pc1"])
    assert report.network.trace.journey(client.roots[-1]).text.startswith("DHCP discover")


def test_a_host_that_is_off_has_no_address_and_no_name_servers() -> None:
    net = office()
    settle(net)
    pc = net["pc1"]
    assert isinstance(pc, LabHost)
    assert addresses(pc) == ["10.0.0.100"]
    net.crash(pc)
    assert (addresses(pc), pc.resolver.servers, pc.stack.routes.routes()) == ([], [], [])
    net.run(until="200s")
    net.restart(pc)
    net.run(until="230s")
    assert addresses(pc) == ["10.0.0.100"]


def test_a_lease_that_nobody_renews_ends() -> None:
    report = run(
        OFFICE,
        "  - node: {name: srv, state: down}\n  - wait: 101s\n"
        "  - ping: {from: pc1, to: pc2}\n    expect: {error: no IP address}\n",
    )
    assert failures(report) == [[]] * 3


# -- servers


def test_an_exhausted_pool_is_said_by_name() -> None:
    text = OFFICE.replace("10.0.0.109", "10.0.0.100")
    report = run(
        text, "  - dhcp: {on: pc2, timeout: 5s}\n  - wait: 1min\n    expect: {drops: {DHCP pool exhausted: '>= 1'}}\n"
    )
    assert failures(report) == [["timeout: no lease after 5s: no DHCP server has answered"], []]
    assert report.network["srv"].drops()["DHCP pool exhausted"] >= 2


def test_two_servers_and_the_first_offer_is_taken() -> None:
    text = OFFICE.replace(
        "  sw1:",
        "  far: {kind: host, ip: 10.0.0.2/24, services: [{dhcp: {pool: 10.0.0.200-10.0.0.209, ping: false}}]}\n  sw1:",
    ).replace("[srv, sw1]", "[srv, sw1], {endpoints: [far, sw1], delay: 50ms}")
    report = run(
        text,
        "  - dhcp: {on: pc1}\n    expect: {server: 10.0.0.1, leases: {srv: {pc1: 10.0.0.100}, far: {pc1: null}}}\n",
    )
    assert failures(report) == [[]]
    server = server_of(report.network["far"])
    assert server is not None
    assert server.server.pools[0].by_address == {}  # what it offered is free again


def test_options_of_the_file_reach_the_client() -> None:
    text = OFFICE.replace(
        "ping: false",
        "ping: false, dns: [10.0.0.53], search: [corp.test, test], options: {26: 1400, 42: 10.0.0.9, 43: 'hex:0102'}",
    )
    net = run(text, "  - dhcp: {on: pc1}\n    expect: {dns: 10.0.0.53}\n").network
    (client,) = clients_of(net["pc1"])
    assert client.lease is not None
    assert client.lease.mtu == 1400
    pc = net["pc1"]
    assert isinstance(pc, LabHost)
    assert pc.stack.interfaces[0].mtu == 1400
    assert (pc.resolver.servers, pc.resolver.search) == (["10.0.0.53"], ["corp.test", "test"])


def test_an_option_that_cannot_be_written_is_an_error_of_the_file() -> None:
    text = OFFICE.replace("ping: false", "ping: false, options: {23: 999}") + "  - wait: 1s\n"
    with pytest.raises(TopologyError, match="DHCP option 23 holds a number from 0 to 255, not 999"):
        Run(loads(text))


def test_a_routers_client_and_a_routers_server() -> None:
    """A home router: its outside by DHCP from the provider, its inside served by itself."""
    report = run(
        """
nodes:
  isp: {kind: router, interfaces: {a: 203.0.113.1/24}, services: [dhcp: 203.0.113.100-203.0.113.109]}
  home: {kind: router, interfaces: {wan: dhcp, lan: 192.168.1.1/24}, services: [dhcp: 192.168.1.100-192.168.1.109]}
  pc: {kind: host, ip: dhcp}
links: [["home:wan", isp], ["home:lan", pc]]
scenario:
  - dhcp: {on: home}
    expect: {address: 203.0.113.100, router: 203.0.113.1, routes: {home: {0.0.0.0/0: 203.0.113.1}}}
  - dhcp: {on: pc}
    expect: {address: 192.168.1.100, router: 192.168.1.1}
  - ping: {from: home, to: isp}
    expect: {received: 1}
  - ping: {from: pc, to: "home:lan"}
    expect: {received: 1}
"""
    )
    assert failures(report) == [[]] * 4


def test_a_gateway_translates_to_the_address_that_it_has_leased() -> None:
    report = run(
        """
nodes:
  isp: {kind: router, interfaces: {a: 203.0.113.1/24, net: 198.51.100.1/24}, services: [dhcp: 203.0.113.100]}
  web: {kind: host, ip: 198.51.100.80/24, gateway: 198.51.100.1}
  home:
    kind: gateway
    interfaces: {outside: dhcp, lan: 192.168.1.1/24}
    services: [dhcp: 192.168.1.100-192.168.1.109]
    firewall: {policy: deny, rules: [{allow: {in: lan}}, {allow: {state: [established, related]}}]}
  pc: {kind: host, ip: dhcp}
links: [["home:outside", "isp:a"], ["home:lan", pc], ["isp:net", web]]
scenario:
  - tcp: {from: pc, to: web, port: 80, data: hi}
    expect: {connected: true, intact: true, nat: {home: {tcp 192.168.1.100: 203.0.113.100}}}
  - dhcp: {on: home, action: renew}
    expect: {state: bound, address: 203.0.113.100}
"""
    )
    assert failures(report) == [[], []]


@pytest.mark.parametrize("relay", ["10.0.0.67", "{to: 10.0.0.67, agent_information: true}"])
def test_a_relay(relay: str) -> None:
    report = run(
        f"""
nodes:
  srv:
    kind: host
    ip: 10.0.0.67/24
    gateway: 10.0.0.1
    services: [dhcp: {{pool: 10.7.0.100-10.7.0.109, network: 10.7.0.0/24, router: 10.7.0.1}}]
  r1: {{kind: router, interfaces: {{a: 10.0.0.1/24, lan: 10.7.0.1/24}}, dhcp_relay: {{lan: {relay}}}}}
  pc: {{kind: host, ip: dhcp}}
links: [[srv, "r1:a"], ["r1:lan", pc]]
scenario:
  - dhcp: {{on: pc}}
    expect: {{address: 10.7.0.100, server: 10.0.0.67, leases: {{srv: {{pc: 10.7.0.100}}}}, path: [pc, r1]}}
  - dhcp: {{on: pc, action: renew}}
    expect: {{path: [pc, r1, srv]}}
  - ping: {{from: srv, to: pc}}
    expect: {{received: 1}}
"""
    )
    assert failures(report) == [[]] * 3


# -- conflicts


def test_a_conflict_of_hosts_is_named() -> None:
    text = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.1/24}
  sw1: {kind: switch}
links: [[a, sw1], [b, sw1]]
scenario:
  - link: {endpoints: [b, sw1], state: down}
  - link: {endpoints: [b, sw1], state: up}
  - wait: 1s
    expect: {counters: {a: {conflicts: 2}, b: {conflicts: 1}}}
  - wait: 1s
"""
    report = run(text)
    assert failures(report) == [[]] * 4
    seen = [sentence for step in report.steps for sentence in step.conflicts]
    assert sorted(seen) == ["a sees b use its address 10.0.0.1", "b sees a use its address 10.0.0.1"]
    assert report.steps[3].conflicts == []  # each is told once


def test_a_leased_address_that_somebody_else_takes_is_given_up_at_the_second_sign() -> None:
    report = run(
        OFFICE.replace("  sw1:", "  rude: {kind: host, ip: 10.0.0.100/24}\n  sw1:").replace(
            "[srv, sw1]", "[srv, sw1], {endpoints: [rude, sw1], state: down}"
        ),
        "  - dhcp: {on: pc1}\n    expect: {address: 10.0.0.100}\n"
        "  - link: {endpoints: [rude, sw1], state: up}\n"
        "  - wait: 1s\n"
        "  - link: {endpoints: [rude, sw1], state: down}\n"
        "  - link: {endpoints: [rude, sw1], state: up}\n"
        "  - wait: 1s\n"
        "  - dhcp: {on: pc1}\n    expect: {address: 10.0.0.102, leases: {srv: {pc1: 10.0.0.102}}}\n",
    )
    assert failures(report) == [[]] * 7
    assert "pc1: 10.0.0.100 was declined" in " ".join(sentence for step in report.steps for sentence in step.conflicts)


# -- partitions, programs, views


def test_a_partition_keeps_out_those_who_have_no_address_yet() -> None:
    report = run(
        OFFICE,
        "  - dhcp: {on: pc1, action: release}\n"
        "  - partition: {groups: [[pc1], [srv, pc2]]}\n"
        "  - dhcp: {on: pc1, action: acquire, timeout: 10s}\n"
        "    expect: {state: selecting, drops: {partition: '>= 1'}}\n"
        "  - heal: true\n"
        "  - dhcp: {on: pc1}\n    expect: {state: bound}\n",
    )
    assert failures(report) == [[]] * 5


def test_a_program_finds_a_leased_host_by_its_name() -> None:
    import socket

    net = office()
    settle(net)
    pc = net["pc1"]
    assert isinstance(pc, LabHost)
    assert pc.run(lambda: socket.gethostbyname("pc2")) == "10.0.0.101"


def test_a_reservation_by_port_and_by_mac(tmp_path: Path) -> None:
    text = OFFICE.replace(
        "ping: false", "ping: false, reservations: {'pc2:eth0': 10.0.0.7, 02:00:00:00:00:99: 10.0.0.8}"
    ).replace("pc1: {kind: host, ip: dhcp}", "pc1: {kind: host, ip: dhcp, mac: 02:00:00:00:00:99}")
    report = run(text, "  - wait: 0\n    expect: {leases: {srv: {pc2: 10.0.0.7, 02:00:00:00:00:99: 10.0.0.8}}}\n")
    assert failures(report) == [[]]


def test_what_a_lease_is_not_is_said() -> None:
    report = run(
        OFFICE,
        "  - dhcp: {on: pc1}\n"
        "    expect: {address: 10.0.0.7, dns: 10.0.0.53, leases: {srv: {pc1: null, pc2: 10.0.0.9}}}\n",
    )
    assert failures(report) == [
        [
            "leases: expected srv to have leased none to pc1, it has leased 10.0.0.100",
            "leases: expected srv to have leased 10.0.0.9 to pc2, it has leased 10.0.0.101",
            "address: expected 10.0.0.7, got 10.0.0.100",
            "dns: expected 10.0.0.53, got nothing",
        ]
    ]


def test_sim_path_waits_for_the_leases() -> None:
    from sim.lab.packets import send_one

    assert send_one(office(), "pc1", "pc2").delivered
