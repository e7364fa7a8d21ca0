"""One hash for one run: equal for the same file and seed, in any process, compiled or interpreted."""

from __future__ import annotations

import hashlib

from sim.tracing.recorder import Recorder


def digest(recorder: Recorder) -> str:
    """SHA-256, in hex, over all columns of a recording: who sent which bytes when and why, and what was decided."""
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
        total.update(frame)
    for number, reason in sorted(recorder.lost.items()):
        total.update(f"{number} {reason}\0".encode())
    total.update(repr(sorted(recorder.copies)).encode())
    for number, frame in sorted(recorder.altered.items()):
        total.update(f"{number} {frame.hex()}\0".encode())
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
