from __future__ import annotations

import pytest

from sim.tracing import kinds
from sim.tracing.journal import Journal
from sim.tracing.recorder import NOT_SENT, Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_nodes_and_ports_are_numbered_as_they_come(recorder: Recorder) -> None:
    a, b = recorder.add_node("a", "host"), recorder.add_node("b", "switch")
    ports = [recorder.add_port(a, "eth0"), recorder.add_port(b, "eth1"), recorder.add_port(b, "eth2")]
    recorder.connect(ports[0], ports[2])
    assert (a, b, ports) == (0, 1, [0, 1, 2])
    assert [recorder.port_name(port) for port in ports] == ["a:eth0", "b:eth1", "b:eth2"]
    assert recorder.port_peers == [2, -1, 0]


def test_a_transmission_is_found_by_its_id(recorder: Recorder) -> None:
    for number in (3, 7, 9):
        recorder.transmission(number, number * 10, number * 10 + 5, 0, 0, bytes([number]))
    assert [recorder.frames[recorder.row(number)] for number in (9, 3, 7)] == [b"\x09", b"\x03", b"\x07"]
    for number in (1, 5, 10):
        with pytest.raises(KeyError):
            recorder.row(number)


def test_a_loss_is_kept_beside_its_row_and_noted(recorder: Recorder) -> None:
    recorder.transmission(3, 0, NOT_SENT, 0, 0, b"frame")
    recorder.lose(7, 3, 1, "queue full")
    assert recorder.lost == {3: "queue full"}
    assert list(recorder.note_times) == [7]
    assert list(recorder.note_subjects) == [3]
    assert list(recorder.note_nodes) == [1]
    assert list(recorder.note_kinds) == [kinds.DROP]
    assert recorder.note_details == ["queue full"]


def test_a_journal_counts_drops_with_and_without_a_recorder(recorder: Recorder) -> None:
    for journal, recording in ((Journal(recorder, 4), True), (Journal(None, 4), False)):
        journal.note(1, 2, kinds.LEARN, (b"mac", "eth0"))
        journal.drop(5, 6, "loss")
        journal.drop(5, 6, "loss")
        assert journal.drops == {"loss": 2}
        assert journal.recording is recording
    assert recorder.note_details == [(b"mac", "eth0"), "loss", "loss"]
    assert set(recorder.note_nodes) == {4}


def test_every_kind_has_a_name_of_its_own() -> None:
    numbers = {value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, int)}
    assert numbers == set(kinds.NAMES)
    assert len(set(kinds.NAMES.values())) == len(numbers)
