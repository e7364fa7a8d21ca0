"""What devices say is true: each note of each shipped topology, read from a stored trace, against what happened.

A run is stored and read again, so that nothing but the trace is at hand. Each kind of note has a check in `truth/`,
which looks at the frames that came and went, at the notes before, and at the tables that the devices had at that
moment; these are equal to the simulator's own (tests/lab). And each check can fail: notes are falsified, one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sim.lab.runner import Run
from sim.lab.table_watch import TableWatch
from sim.scenario.load import load
from sim.tracing import kinds
from sim.tracing.eventlog import read_events, write_events
from sim.tracing.journeys import Note
from sim.tracing.recorder import Detail, Recorder
from sim.views.sentences import sentence
from tests.views.truth import gateways, hosts, losses, routing, switches, tcp
from tests.views.truth.evidence import Evidence, Said

FRAME = bytes(60)
SHIPPED = sorted((Path(__file__).parent.parent.parent / "topologies").glob("*.yaml"))
RARE = Path(__file__).parent / "truth" / "rare.yaml"
"""The kinds that no shipped topology has."""
FILES = [*SHIPPED, RARE]
Check = Callable[[Said], str]


def checks(evidence: Evidence) -> dict[int, Check]:
    """Per kind what tells whether a note is true. They are to be called in the order of the notes."""
    bridges = switches.Switches(evidence)
    connections = tcp.Connections(evidence)
    around = losses.Circumstances(evidence)
    found: dict[int, Check] = dict.fromkeys(switches.CHECKS, bridges.check)
    found |= dict.fromkeys(routing.ARP_KINDS, lambda said: routing.check_arp(evidence, said))
    found |= {
        kinds.ROUTE: lambda said: routing.check_route(evidence, said),
        kinds.FRAGMENT: lambda said: routing.check_fragment(evidence, said),
        kinds.REASSEMBLE: lambda said: routing.check_reassemble(evidence, said),
        kinds.WAIT: lambda said: routing.check_wait(evidence, said),
        kinds.ICMP_ERROR: lambda said: routing.check_icmp_error(evidence, said),
        kinds.DELIVER: lambda said: hosts.check_deliver(evidence, said),
        kinds.IGNORE: lambda said: hosts.check_ignore(evidence, said),
        kinds.ORIGIN: lambda said: hosts.check_origin(evidence, said),
        kinds.DHCP: lambda said: hosts.check_dhcp(evidence, said),
        kinds.CONFLICT: lambda said: hosts.check_conflict(evidence, said),
        kinds.TCP_STATE: connections.check,
        kinds.RETRANSMIT: lambda said: tcp.check_retransmit(evidence, said),
        kinds.TRANSLATE: lambda said: gateways.check_translate(evidence, said),
        kinds.JUDGE: lambda said: gateways.check_judge(evidence, said),
        kinds.DROP: lambda said: losses.check_drop(evidence, said),
        kinds.ALTERED: lambda said: losses.check_altered(evidence, said),
        kinds.LINK: around.check,
        kinds.STEP: around.check,
        kinds.POWER: lambda said: around.check(said) or bridges.check(said),
    }
    return found


def lies(evidence: Evidence) -> Iterator[str]:
    """What is false in a trace."""
    truth = checks(evidence)
    for said in evidence.notes:
        problem = truth[said.kind](said)
        if problem:
            name = f"{evidence.name(said.node)} {kinds.NAMES[said.kind]} {said.detail!r}"
            yield f"{said.time} #{said.subject} {name}: {problem}"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Evidence]:
    """A topology's run, as its trace tells it; each is run once."""
    folder = tmp_path_factory.mktemp("traces")
    known: dict[Path, Evidence] = {}

    def read(path: Path) -> Evidence:
        if path not in known:
            run = Run(load(path))
            watch = TableWatch(run.network)
            run.run(None)
            watch.finish()
            trace = folder / f"{path.stem}.jsonl"
            write_events(run.network.trace.recorder, trace)
            known[path] = Evidence(read_events(trace)[0])
        return known[path]

    return read


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_explanation_is_true(path: Path, stored: Callable[[Path], Evidence]) -> None:
    evidence = stored(path)
    assert list(lies(evidence)) == []
    assert routing.check_forwarded(evidence) == []


@pytest.mark.slow
def test_every_kind_is_seen_and_has_its_sentences(stored: Callable[[Path], Evidence]) -> None:
    """None falls back to the name of its kind, and what is Chinese is Chinese throughout."""
    details = {(said.kind, said.detail) for path in FILES for said in stored(path).notes if said.kind != kinds.STEP}
    assert {kind for kind, _ in details} == set(kinds.NAMES) - {kinds.STEP}
    for kind, detail in details:
        note = Note(0, "n", kind, detail)
        english, chinese = sentence(note, FRAME), sentence(note, FRAME, "zh")
        assert not english.startswith(f"{kinds.NAMES[kind]} "), english
        assert not re.search("[{}]", english + chinese), (english, chinese)
        assert re.search("[\u4e00-\u9fff]", chinese), chinese


def test_every_kind_has_a_check_that_can_fail() -> None:
    assert set(checks(Evidence(Recorder()))) == set(kinds.NAMES)
    assert {claim.partition(":")[0] for claim in LIES} == set(kinds.NAMES.values())


LIES: dict[str, tuple[str, Callable[[Said], Detail | None]]] = {
    # what is claimed: (topology, the false detail; None for a note that is left as it is)
    "repeat: more ports": ("office", lambda said: said.parts[0] + 1),  # type: ignore[operator]
    "learn: another port": ("office", lambda said: (said.parts[0], "eth9")),
    "learn: another address": ("office", lambda said: (b"\2\0\0\0\0\x99", said.parts[1])),
    "table-full: more room": ("crafted_frames", lambda said: (said.parts[0], 5)),
    "forget: more addresses": ("dhcp_office", lambda said: (said.parts[0], 7)),
    "move: from elsewhere": ("rare", lambda said: (said.parts[0], "eth9", said.parts[2])),
    "expire: from elsewhere": ("rare", lambda said: (said.parts[0], "eth9")),
    "filter: another port": ("rare", lambda said: "eth9"),
    "altered: what is the same": ("rare", lambda said: "corrupted" if said.text == "duplicated" else None),
    "conflict: about another": ("rare", lambda said: (b"\x0a\x09\x09\x09", said.parts[1])),
    "flood: it is unknown": ("office", lambda said: ("unknown", said.parts[1])),
    "flood: fewer ports": ("office", lambda said: (said.parts[0], said.parts[1] - 1)),  # type: ignore[operator]
    "forward: another port": ("office", lambda said: "eth9"),
    "route: the default": (
        "two_subnets",
        lambda said: None if said.text.startswith("0") else "0.0.0.0/0 direct dev left",
    ),
    "arp-ask: for another": ("office", lambda said: (b"\x0a\x09\x09\x09", said.parts[1])),
    "arp-probe: for another": ("home_nat", lambda said: (b"\x0a\x09\x09\x09", said.parts[1])),
    "arp-learn: another MAC": ("office", lambda said: (said.parts[0], b"\2\0\0\0\0\x99", said.parts[2])),
    "arp-fail: for another": ("two_subnets", lambda said: (b"\x0a\x09\x09\x09", said.parts[1])),
    "deliver: another thing": ("office", lambda said: "ICMP error" if said.text.startswith("ICMP echo") else None),
    "deliver: another port": ("web", lambda said: "TCP port 81" if said.text == "TCP port 80" else None),
    "ignore: another reason": ("office", lambda said: "asks for somebody else" if said.text[0] == "n" else None),
    "ignore: though asked": ("office", lambda said: "not its MAC address" if said.text[:4] == "asks" else None),
    "fragment: more pieces": ("fragments", lambda said: (9, said.parts[1])),
    "fragment: a wider link": ("fragments", lambda said: (said.parts[0], 9000)),
    "reassemble: more bytes": ("fragments", lambda said: (said.parts[0], 1)),
    "wait: a SYN": ("fragments", lambda said: "a SYN"),
    "icmp-error: another": ("ttl_death", lambda said: said.text.replace("10.0.1.10", "10.9.9.9")),
    "drop: another reason": ("ttl_death", lambda said: "no route" if said.text == "TTL expired" else None),
    "drop: TTL": ("two_subnets", lambda said: "TTL expired" if said.text == "host unreachable" else None),
    "drop: the queue": ("tcp_lossy", lambda said: "queue full" if said.text == "loss" else None),
    "drop: NAT": (
        "firewall",
        lambda said: "firewall rule 9 (deny udp to 9.9.9.9)" if "firewall" in said.text else None,
    ),
    "link: again": ("office", lambda said: (said.parts[0], "up")),
    "step: twice": ("office", lambda said: (1, said.parts[1])),
    "origin: another host": ("office", lambda said: said.text.replace("192.168.3.80", "192.168.9.9")),
    "tcp-state: backwards": ("tcp_handshake", lambda said: (*said.parts[:2], said.parts[3], said.parts[2])),
    "tcp-state: without a SYN": ("web", lambda said: (said.parts[1], said.parts[0], *said.parts[2:])),
    "retransmit: a timeout": ("tcp_lossy", lambda said: "timeout" if said.text == "fast retransmit" else None),
    "retransmit: none": ("fair_share", lambda said: "fast retransmit" if said.text == "timeout" else None),
    "translate: to another": ("home_nat", lambda said: (*said.parts[:2], "9.9.9.9:9", said.parts[3])),
    "translate: the other end": ("home_nat", lambda said: ("destination", *said.parts[1:])),
    "judge: another rule": ("firewall", lambda said: (said.parts[0], "allow udp to 9.9.9.9 port 9")),
    "dhcp: another address": ("dhcp_office", lambda said: said.text.replace("192.168.1.", "192.168.7.")),
    "power: again": ("dhcp_office", lambda said: "up"),
}


@pytest.mark.slow
@pytest.mark.parametrize("claim", LIES)
def test_a_lie_is_found(claim: str, stored: Callable[[Path], Evidence]) -> None:
    """The first note of the kind for which it is one is falsified."""
    name, falsify = LIES[claim]
    kind = next(number for number, text in kinds.NAMES.items() if text == claim.partition(":")[0])
    evidence = stored(next(path for path in FILES if path.stem == name))
    truth = checks(evidence)
    for said in evidence.notes:
        false = falsify(said) if said.kind == kind else None
        if false is not None and false != said.detail:
            assert truth[said.kind](replace(said, detail=false))
            return
        truth[said.kind](said)
    pytest.fail("there is no such note")
