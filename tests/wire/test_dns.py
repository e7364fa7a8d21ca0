from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

import sim
from sim.errors import WireError
from sim.lab.runner import Report
from sim.wire import dns as wire
from sim.wire.decode import decode, summary
from sim.wire.ethernet import ETHERTYPE_IPV4

TOPOLOGIES = Path(__file__).parents[2] / "topologies"


def response(*records: tuple[str, str, str], rdtype: str = "A", section: str = "answer") -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("www.corp.test", rdtype, id=7))
    for name, kind, data in records:
        getattr(made, section).append(dns.rrset.from_text(name, 60, "IN", kind, data))
    return made


def text(message: dns.message.Message) -> str:
    return wire.parse(message.to_wire()).summary()


def test_a_question() -> None:
    query = dns.message.make_query("www.corp.test", "AAAA", id=7)
    assert text(query) == "DNS query 7 AAAA www.corp.test?"
    assert text(dns.message.make_query(".", "NS", id=7)) == "DNS query 7 NS .?"
    assert text(dns.message.make_query("x", "TYPE999", id=7)) == "DNS query 7 TYPE999 x?"


@pytest.mark.parametrize(
    ("records", "section", "outcome"),
    [
        ([("www.corp.test.", "CNAME", "web.corp.test."), ("web.corp.test.", "A", "10.0.0.1")], "answer",
         "CNAME web.corp.test, A 10.0.0.1"),
        ([("www.corp.test.", "AAAA", "2001:db8::1")], "answer", "AAAA 2001:db8::1"),
        ([("www.corp.test.", "MX", "10 mail.corp.test.")], "answer", "MX 10 mail.corp.test"),
        ([("www.corp.test.", "TXT", '"x"')], "answer", "TXT"),
        ([(f"h{n}.", "A", f"10.0.0.{n}") for n in range(5)], "answer", "A 10.0.0.0, A 10.0.0.1, A 10.0.0.2, 2 more"),
        ([("corp.test.", "NS", "ns.corp.test.")], "authority", "see ns.corp.test for corp.test"),
        ([("corp.test.", "SOA", "ns. h. 1 2 3 4 5")], "authority", "no such records"),
    ],
)  # fmt: skip
def test_a_response(records: list[tuple[str, str, str]], section: str, outcome: str) -> None:
    assert text(response(*records, section=section)) == f"DNS response 7 A www.corp.test: {outcome}"


def test_flags() -> None:
    made = response()
    made.set_rcode(dns.rcode.NXDOMAIN)
    assert text(made).endswith(": NXDOMAIN")
    made.flags |= dns.flags.AA | dns.flags.RA
    message = wire.parse(made.to_wire())
    assert (message.is_response(), message.is_authoritative(), message.recursion_available()) == (True, True, True)
    assert (message.is_truncated(), message.recursion_desired(), message.opcode()) == (False, True, 0)
    made.set_rcode(dns.rcode.NOERROR)
    made.flags |= dns.flags.TC
    assert text(made).endswith(": truncated")


def test_a_message_that_is_cut_has_the_records_that_are_whole() -> None:
    whole = response(*[(f"h{n}.corp.test.", "A", f"10.0.0.{n}") for n in range(9)]).to_wire()
    for length in range(len(whole)):
        try:
            message = wire.parse(whole[:length])
        except WireError:
            assert length < 31  # the header and the question
        else:
            assert len(message.answers) == sum(length >= end for end in record_ends(whole))


def record_ends(data: bytes) -> list[int]:
    """Where each of the nine records ends: found by what dnspython makes of it."""
    ends, place = [], 12 + 15 + 4
    for number in range(9):
        name = dns.name.from_text(f"h{number}.corp.test.")
        found, size = dns.name.from_wire(data, place)
        assert found == name
        place += size + 14
        ends.append(place)
    return ends


@pytest.mark.parametrize("name", [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\xff", b"\x40", b"\x3fabc", b"\xc0"])
def test_names_that_lead_nowhere(name: bytes) -> None:
    header = bytes((0, 7, 0, 0, 0, 1)) + bytes(6)
    with pytest.raises(WireError):
        wire.parse(header + name)


def test_odd_labels_are_escaped() -> None:
    header = bytes((0, 7, 0, 0, 0, 1)) + bytes(6)
    message = wire.parse(header + b"\x05a. \\\x00\x00" + bytes((0, 1, 0, 1)))
    assert message.questions[0].name == "a\\046\\032\\092\\000"


@pytest.mark.slow
def test_twenty_thousand_messages_gone_wrong() -> None:
    chance = random.Random(4)
    seed = response(("www.corp.test.", "CNAME", "web.corp.test."), ("web.corp.test.", "MX", "1 b.corp.test.")).to_wire()
    for _ in range(20_000):
        data = bytearray(seed)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x3F, 0xC0, 0xFF, chance.randrange(256)))
        try:
            wire.parse(bytes(data)).summary()
        except WireError:
            continue


def test_ten_thousand_records_are_not_read_one_by_one() -> None:
    data = bytes((0, 7, 0x80, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0)) + (b"\0" + bytes((0, 1, 0, 1)) + bytes(6)) * 65_535
    assert len(wire.parse(data).answers) == wire.MOST_RECORDS


@pytest.fixture(scope="module")
def office() -> Report:
    return sim.run(TOPOLOGIES / "dns_office.yaml")


def test_frames_say_what_is_asked(office: Report) -> None:
    lines = [summary(frame) for frame in office.network.trace.recorder.frames]
    asked = next(line for line in lines if "DNS query" in line)
    assert asked.startswith("IPv4 192.168.1.10 > 192.168.1.53 UDP ")
    assert " > 53 DNS query " in asked
    assert asked.endswith(" A web.corp.test? ttl=64")
    by_tcp = [line for line in lines if " TCP " in line and "DNS" in line]
    assert any(": TXT, TXT, TXT, 3 more" in line for line in by_tcp)
    assert any("DNS query" in line and "[PSH, ACK]" in line for line in by_tcp)


def test_what_is_no_dns_stays_what_it_is() -> None:
    net = sim.Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b)
    own = a.socket(2, 2)
    for data in (b"hello", b"\0" * 12, b"x" * 100):
        own.sendto(data, ("10.0.0.2", 53))
    net.run()
    lines = [summary(frame) for frame in net.trace.recorder.frames if frame[12:14] == ETHERTYPE_IPV4.to_bytes(2, "big")]
    assert any("> 53 Len=5" in line for line in lines)
    assert not any("DNS" in line for line in lines)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same(office: Report, tmp_path: Path) -> None:
    path = tmp_path / "office.pcapng"
    office.network.trace.write_pcapng(path)
    fields = ["frame.number", "dns.id", "dns.flags.response", "dns.flags.rcode", "dns.count.answers", "dns.qry.name"]
    arguments = ["tshark", "-r", str(path), "-Y", "dns && udp", "-T", "fields", "-E", "occurrence=f"]
    for field in fields:
        arguments += ["-e", field]
    output = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    theirs = [line.split("\t")[1:] for line in output.splitlines()]
    ours = []
    for event in office.network.trace.captured():
        message = decode(event.frame)[-1]
        if isinstance(message, wire.Message) and event.frame[23] == 17:
            name = message.questions[0].name
            response = str(message.is_response())
            row = [f"0x{message.identifier:04x}", response, str(message.flags & 15), str(message.counts[1]), name]
            ours.append(row if message.is_response() else [*row[:2], "", *row[3:]])
    assert len(ours) > 50
    assert [[one[0], one[2], one[3], one[4]] for one in ours] == [[one[0], one[2], one[3], one[4]] for one in theirs]
