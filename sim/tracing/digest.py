"""One hash for one run: equal for the same file and seed, in any process, compiled or interpreted.

Without payload it is that of a run's shape: which frames of which lengths were sent when, between whom, with which
headers, and what was decided. TLS draws its keys from the system, not from the seed, so that of two runs with TLS only
the shapes are equal. (Their lengths are, if the signatures in certificates have a fixed size: RSA and Ed25519 do.)
"""

from __future__ import annotations

import hashlib
from typing import Final

from sim.tracing.recorder import Recorder

IPV4: Final = b"\x08\x00"
ICMP, TCP, UDP = 1, 6, 17
ICMP_QUOTE: Final = 34  # bytes of an ICMP error: its header, the quoted IP header, and 6 of UDP's before its checksum


def digest(recorder: Recorder, payload: bool = True) -> str:
    """SHA-256, in hex, over all columns of a recording: who sent which bytes when and why, and what was decided.

    Without `payload` the bytes that TCP, UDP and ICMP carry are left out, and the checksums over them.
    """
    total = hashlib.sha256()
    for name, kind in zip(recorder.nodes, recorder.node_kinds, strict=True):
        total.update(f"{name}\0{kind}\0".encode())
    for port in range(len(recorder.ports)):
        total.update(f"{recorder.port_name(port)}\0{recorder.port_peers[port]}\0".encode())
    for row, frame in enumerate(recorder.frames):
        head = (
            recorder.ids[row],
            recorder.starts[row],
            recorder.arrivals[row],
            recorder.senders[row],
            recorder.causes[row],
            len(frame),
        )
        total.update(repr(head).encode())
        total.update(frame if payload else shape(frame))
    for number, reason in sorted(recorder.lost.items()):
        total.update(f"{number} {reason}\0".encode())
    total.update(repr(sorted(recorder.copies)).encode())
    for number, frame in sorted(recorder.altered.items()):
        total.update(f"{number} {(frame if payload else shape(frame)).hex()}\0".encode())
    notes = zip(
        recorder.note_times,
        recorder.note_subjects,
        recorder.note_nodes,
        recorder.note_kinds,
        recorder.note_details,
        strict=True,
    )
    for note in notes:
        total.update(repr(note).encode())
    return total.hexdigest()


def shape(frame: bytes) -> bytes:
    """The headers of a frame, without what they carry and without the transport's checksum.

    What is neither TCP, UDP nor ICMP over IPv4 is left as it is; of a later fragment only the IP header stays.
    """
    if frame[12:14] != IPV4 or len(frame) < 34:
        return frame
    inner = 14 + (frame[14] & 0x0F) * 4
    if int.from_bytes(frame[20:22], "big") & 0x1FFF:
        return frame[:inner]
    protocol = frame[23]
    if protocol == TCP and len(frame) >= inner + 20:
        return _without(frame, inner, 16, (frame[inner + 12] >> 4) * 4)
    if protocol == UDP:
        return _without(frame, inner, 6, 8)
    if protocol == ICMP:
        return _without(frame, inner, 2, ICMP_QUOTE if frame[inner : inner + 1] in _ICMP_ERRORS else 8)
    return frame


_ICMP_ERRORS: Final = (b"\x03", b"\x04", b"\x05", b"\x0b", b"\x0c")


def _without(frame: bytes, inner: int, checksum: int, length: int) -> bytes:
    """So many bytes of the header at `inner`, but for the checksum in it."""
    return frame[: inner + checksum] + frame[inner + checksum + 2 : inner + length]
