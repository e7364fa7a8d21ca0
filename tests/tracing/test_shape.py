"""The digest without payload."""

from __future__ import annotations

import pytest
from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, Raw

from sim.tracing.digest import digest, shape
from sim.tracing.recorder import Recorder

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PAIR = IP(src="10.0.0.1", dst="10.0.0.2")
CARRIERS = [
    TCP(sport=1, dport=443, options=[("Timestamp", (1, 2))]),
    UDP(sport=1, dport=443),
    ICMP(type=8),
    ICMP(type=3, code=4) / IP(src="10.0.0.9", dst="10.0.0.8") / TCP(sport=3, dport=4),
]


def recorded(*frames: bytes) -> Recorder:
    recorder = Recorder()
    recorder.add_port(recorder.add_node("a", "host"), "eth0")
    for number, frame in enumerate(frames, start=1):
        recorder.transmission(number, number * 10, number * 10 + 5, 0, 0, frame)
    return recorder


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda layer: layer.summary())
def test_payload_does_not_count(carrier: object) -> None:
    one, two = (bytes(ETHER / PAIR / carrier / Raw(data)) for data in (b"secret", b"public"))
    assert one != two
    assert shape(one) == shape(two)
    assert digest(recorded(one)) != digest(recorded(two))
    assert digest(recorded(one), payload=False) == digest(recorded(two), payload=False)


@pytest.mark.parametrize(
    "other",
    [
        ETHER / PAIR / TCP(sport=1, dport=443) / Raw(b"secrets"),
        ETHER / PAIR / TCP(sport=2, dport=443) / Raw(b"secret"),
        ETHER / PAIR / TCP(sport=1, dport=443, seq=1) / Raw(b"secret"),
        ETHER / PAIR / TCP(sport=1, dport=443, flags="SA") / Raw(b"secret"),
        ETHER / IP(src="10.0.0.1", dst="10.0.0.3") / TCP(sport=1, dport=443) / Raw(b"secret"),
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:03") / PAIR / TCP(sport=1, dport=443) / Raw(b"secret"),
    ],
)
def test_lengths_and_headers_do(other: Ether) -> None:
    one = bytes(ETHER / PAIR / TCP(sport=1, dport=443) / Raw(b"secret"))
    assert digest(recorded(one), payload=False) != digest(recorded(bytes(other)), payload=False)


def test_times_do() -> None:
    frame = bytes(ETHER / PAIR / UDP() / Raw(b"x"))
    later = recorded(frame)
    later.starts[0] += 1
    assert digest(recorded(frame), payload=False) != digest(later, payload=False)


def test_what_carries_nothing_is_left_as_it_is() -> None:
    for frame in (bytes(ETHER / ARP()), bytes(ETHER / Raw(b"anything at all")), b"short", bytes(ETHER / PAIR)[:30]):
        assert shape(frame) == frame


def test_of_a_later_fragment_the_header_stays() -> None:
    frame = bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2", frag=10, proto=6) / Raw(b"x" * 40))
    assert shape(frame) == frame[:34]


def test_bytes_that_are_no_transport_header_do_not_break_it() -> None:
    whole = bytes(ETHER / PAIR / TCP() / Raw(b"data"))
    for length in range(len(whole)):
        assert isinstance(shape(whole[:length]), bytes)
