"""What the page says is in a frame is what Wireshark's dissectors say, field for field."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scapy.utils import PcapWriter

from tests.views.page.pages import filmed, module, with_data

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.views.page.conftest import Show

TSHARK = shutil.which("tshark")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")]

NAMES = [
    "two_subnets",
    "dhcp_office",
    "dns_hierarchy",
    "dns_office",
    "fragments",
    "home_nat",
    "web",
    "crafted_frames",
    "tcp_handshake",
]
FIELD_NAMES = """
eth.dst eth.src eth.type eth.len vlan.id vlan.priority vlan.etype arp.hw.type arp.opcode arp.src.hw_mac
arp.src.proto_ipv4 arp.dst.hw_mac arp.dst.proto_ipv4 ip.version ip.hdr_len ip.dsfield ip.dsfield.dscp
ip.dsfield.ecn ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ip.src ip.dst
icmp.type icmp.code icmp.checksum icmp.ident icmp.seq icmp.mtu udp.srcport udp.dstport udp.length udp.checksum
tcp.srcport tcp.dstport tcp.len tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags tcp.flags.syn tcp.flags.fin
tcp.flags.reset tcp.flags.push tcp.flags.ack tcp.flags.ece tcp.flags.cwr tcp.window_size_value tcp.checksum
tcp.urgent_pointer tcp.options.mss_val tcp.options.wscale.shift tcp.options.timestamp.tsval
tcp.options.timestamp.tsecr tcp.options.sack_le tcp.options.sack_re dns.id dns.flags dns.flags.response
dns.flags.opcode dns.flags.truncated dns.flags.recdesired dns.count.queries dns.count.answers dns.count.auth_rr
dns.count.add_rr dns.qry.name dns.qry.type dns.resp.name dns.resp.type dns.resp.ttl dns.a dns.aaaa dns.ns dns.cname
dns.mx.mail_exchange dns.txt dns.soa.mname dns.ptr.domain_name dhcp.type dhcp.hw.type dhcp.hw.len dhcp.hops dhcp.id
dhcp.secs dhcp.flags dhcp.ip.client dhcp.ip.your dhcp.ip.server dhcp.ip.relay dhcp.hw.mac_addr dhcp.option.dhcp
dhcp.option.ip_address_lease_time dhcp.option.hostname dhcp.option.dhcp_server_id dhcp.option.requested_ip_address
dhcp.option.subnet_mask http.request.method http.request.uri http.request.version http.response.version
http.response.code http.response.phrase http.host http.content_type http.content_length http.server
tls.record.content_type tls.record.version tls.record.length vxlan.vni data.len
"""
FIELDS = FIELD_NAMES.split()
SPLIT = {"http.request.method", "http.request.uri"}
"""Wireshark reads a first line that has not come whole yet."""
PREFERENCES = [
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.relative_sequence_numbers:FALSE",
    "ip.defragment:FALSE",
    "tls.desegment_ssl_records:FALSE",
    "http.desegment_body:FALSE",
    "http.desegment_headers:FALSE",
]


def told_by_tshark(frames: list[bytes], path: Path) -> Iterator[dict[str, list[str]]]:
    """Of each frame the values of each field that it has."""
    with PcapWriter(str(path), linktype=1) as writer:
        for frame in frames:
            writer.write(frame)
    arguments = [str(TSHARK), "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
    for preference in PREFERENCES:
        arguments += ["-o", preference]
    for field in known_fields():
        arguments += ["-e", field]
    output = subprocess.run(arguments, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    lines = output.split("\n")[:-1]
    assert len(lines) == len(frames)
    for line in lines:
        values = zip(known_fields(), line.split("\t"), strict=True)
        yield {field: text.split("\x1f") for field, text in values if text}


_known: list[str] = []


def known_fields() -> list[str]:
    """Those of ours that this version of tshark has under the same name."""
    if not _known:
        output = subprocess.run([str(TSHARK), "-G", "fields"], capture_output=True, check=True).stdout
        names = {line.split(b"\t")[2].decode() for line in output.splitlines() if line.startswith(b"F\t")}
        _known.extend(field for field in FIELDS if field in names)
    return _known


def told_by_page(page: Page, frames: list[bytes]) -> list[dict[str, list[str]]]:
    """The same from the page's dissector."""
    read = """([frames, wanted]) => frames.map(frame => {
        const bytes = Uint8Array.from(frame.match(/../g) || [], pair => parseInt(pair, 16)), found = {};
        const walk = fields => { for (const field of fields) {
            if (wanted.includes(field.key)) (found[field.key] ||= []).push(String(field.value));
            walk(field.fields);
        } };
        for (const layer of dissect(bytes).layers) walk(layer.fields);
        return found;
    })"""
    found: list[dict[str, list[str]]] = page.evaluate(read, [[frame.hex() for frame in frames], known_fields()])
    return found


def in_bytes(field: str, values: list[str]) -> list[str]:
    """Versions of tshark differ in whether they count this in bytes or in units of eight."""
    if field != "ip.frag_offset":
        return values
    return [str(int(text) * 8) if int(text) < 500 else text for text in values]


def plain(text: str) -> str:
    """A number is a number, however it is written."""
    if text in ("True", "False"):
        return str(int(text == "True"))
    try:
        return str(int(text, 0))
    except ValueError:
        return text.lower().removesuffix("<root>")


@pytest.fixture
def page(show: Show) -> Page:
    return show(html=module("dissect", "dissect"))


def frames_of(names: list[str]) -> list[bytes]:
    """Frames of topologies, each once, at most so many of each."""
    found: dict[bytes, None] = {}
    for name in names:
        found.update(dict.fromkeys(list(dict.fromkeys(filmed(name)[0].frames))[:250]))
    return list(found)


def test_fields_are_those_of_wireshark(page: Page, tmp_path: Path) -> None:
    frames = frames_of(NAMES)
    wrong: list[Any] = []
    compared = 0
    for frame, theirs, ours in zip(
        frames, told_by_tshark(frames, tmp_path / "frames.pcap"), told_by_page(page, frames), strict=True
    ):
        for field in ours.keys() & theirs.keys():
            compared += 1
            if field == "dns.resp.name" and "33" in ours.get("dns.resp.type", []):
                continue  # Wireshark calls the name of an SRV record otherwise
            if [*map(plain, ours[field])] != [*map(plain, in_bytes(field, theirs[field]))]:
                wrong.append((frame.hex(), field, ours[field], theirs[field]))
        missing = {field for field in theirs.keys() - ours.keys() if field not in SPLIT}
        if missing:
            wrong.append((frame.hex(), "missing", sorted(missing), [theirs[field] for field in sorted(missing)]))
    assert wrong[:5] == []
    assert compared > 10_000


def test_broken_frames_are_malformed_and_never_an_error(page: Page) -> None:
    frames = [frame for frame in frames_of(["dns_office", "dhcp_office", "home_nat"]) if 40 < len(frame) < 600][::29]
    cut = [frame[:length] for frame in frames for length in range(0, len(frame), 3)]
    bent = [bytes([*frame[:at], 0xFF, *frame[at + 1 :]]) for frame in frames for at in range(12, len(frame), 5)]
    count = page.evaluate(
        f"""({with_data([frame.hex() for frame in cut + bent])}).filter(frame => {{
            const bytes = Uint8Array.from(frame.match(/../g) || [], pair => parseInt(pair, 16));
            const read = dissect(bytes);
            return read.layers.length > 0 && typeof read.info === "string";
        }}).length"""
    )
    assert count == len(cut) + len(bent)
