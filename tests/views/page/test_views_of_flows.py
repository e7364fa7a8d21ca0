"""Ladder and charts show what the recording holds; a film that grows is the film that was whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sim.lab.runner import Run
from sim.scenario.load import load
from sim.tracing import kinds
from sim.views.dialogue import RETRANSMISSION, dialogue
from sim.views.exchange import exchange, flows
from sim.views.page.film import Cutter, film
from tests.views.page.pages import TOPOLOGIES, filmed, module, with_data

if TYPE_CHECKING:
    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow


def test_a_ladder_with_states_on_both_sides(show: Show) -> None:
    page = show("tcp_handshake", "#panel=ladder")
    labels = page.locator(".ladder .message .label").all_text_contents()
    assert labels[0].startswith("[SYN] Seq=0")
    assert labels[1].startswith("[SYN ACK] Seq=0 Ack=1")
    states = page.locator(".ladder .statename").all_text_contents()
    assert {"SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"} <= set(states)
    page.click("#scale")
    assert page.inner_text("#scale") == "compact"
    page.locator(".ladder .message").nth(1).dispatch_event("click")
    assert page.locator(".ladder .message.chosen").count() == 1


@pytest.mark.parametrize("name", ["lossy_wan", "web"])
def test_messages_are_those_of_the_ladder_in_the_terminal(show: Show, name: str) -> None:
    recorder, data = filmed(name)
    page = show(html=_modules("conversation", "film"))
    page.evaluate(f"window.film = new Film({with_data({**data, 'map': ''})})")
    for flow in flows(recorder)[:4]:
        turns = dialogue(exchange(recorder, flow))
        ends = sorted([f"{_ip(flow.client)}:{flow.client_port}", f"{_ip(flow.server)}:{flow.server_port}"])
        told = page.evaluate(
            """key => conversation(film, key).messages.map(one => [one.sent, one.forward, one.arrived, one.seq, one.ack,
                one.length, one.window, Boolean(one.isAgain)])""",
            f"TCP {' '.join(ends)}",
        )
        assert told == [
            [
                turn.time,
                turn.forward,
                turn.passage.arrived if turn.passage.lost is None else None,
                turn.sequence,
                turn.acknowledgment,
                turn.length,
                turn.window,
                turn.has(RETRANSMISSION),
            ]
            for turn in turns
            if turn.passage.segment is not None
        ]


def _ip(address: bytes) -> str:
    return ".".join(map(str, address))


def _modules(entry: str, other: str) -> str:
    """Two modules on one page: `entry` needs to be given what the other makes."""
    first, second = module(entry, entry), module(other, "Film")
    return first + second.partition("<title>test</title>")[2]


def test_lost_messages_and_retransmissions_are_marked(show: Show) -> None:
    recorder, _ = filmed("tcp_lossy")
    drop = next(i for i, kind in enumerate(recorder.note_kinds) if kind == kinds.DROP)
    page = show("tcp_lossy", f"#panel=ladder&t={recorder.note_times[drop]}")
    assert page.locator(".ladder .message.dead .lost").count() > 0
    assert page.locator(".ladder .message.again").count() > 0
    marks = page.locator(".ladder .mark").all_text_contents()
    assert any("retransmission" in mark for mark in marks)
    assert any("SACK" in mark for mark in marks)


def test_charts_follow_the_time_and_the_zoom(show: Show) -> None:
    from playwright.sync_api import expect

    _, data = filmed("tcp_lossy")
    series = next(one for one in data["series"] if one["name"] == "cwnd" and len(one["values"]) > 20)
    time = series["times"][10] + 1
    page = show("tcp_lossy", f"#panel=charts&t={time}")
    page.select_option("#subject", series["subject"])
    key = page.locator(".chart .key", has_text="Congestion window").first
    before = max(i for i, when in enumerate(series["times"]) if when <= time)
    assert re.search(rf"\b{series['values'][before]}\b", key.inner_text())
    titles = page.locator(".chart h3").all_inner_texts()
    assert titles[0] == "Window"
    assert {"Time-sequence", "Throughput", "Drops"} <= set(titles)
    drawn = page.locator(".chart path.line").first.get_attribute("d")
    page.keyboard.press("+")
    expect(page.locator(".chart path.line").first).not_to_have_attribute("d", str(drawn))


def test_a_film_that_grows_is_the_film_that_was_whole(show: Show) -> None:
    topology = load(TOPOLOGIES / "home_nat.yaml")
    run = Run(topology)
    cutter = Cutter(run.network.recorder)
    parts: list[dict[str, Any]] = []
    run.begin()
    begun = film(run.network.recorder, {"name": "x"}, cutter=cutter)
    for second in range(1, 8):
        run.network.run(second * 500_000_000)
        parts.append(cutter.cut())
    whole = film(run.network.trace.recorder, {"name": "x"})
    page = show(html=module("film", "Film"))
    same = """([begun, parts, whole]) => {
        const grown = new Film(begun), once = new Film(whole);
        for (const part of parts) grown.append(part);
        const plain = film => JSON.stringify([film.id, film.start, film.order, film.rank, film.root, film.latestSoFar,
            film.deathTimes, film.notes.time, [...film.lost], film.order.map(row => [...film.frame(row)])]);
        return plain(grown) === plain(once) && once.length > 100;
    }"""
    assert page.evaluate(same, [begun, parts, whole])


def test_what_flies_is_what_has_left_and_not_arrived(show: Show) -> None:
    _, data = filmed("web")
    page = show(html=module("film", "Film"))
    same = """data => {
        const film = new Film(data);
        for (let i = 0; i < 200; i++) {
            const time = Math.floor(film.end * i / 199);
            const wanted = film.order.filter(row => film.start[row] <= time && film.arrival[row] >= time);
            if (JSON.stringify(film.flying(time)) !== JSON.stringify(wanted)) return time;
        }
        return "same";
    }"""
    assert page.evaluate(same, data) == "same"
