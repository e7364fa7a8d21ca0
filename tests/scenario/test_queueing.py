"""`discipline:` on a link, from the file to the queues of a network."""

from __future__ import annotations

import pytest

from sim.errors import TopologyError
from sim.lab.build import build, impairments, link_properties
from sim.lab.network import Network
from sim.lab.runner import Run
from sim.links.queues.codel import CoDel, CoDelQueue
from sim.links.queues.fq_codel import FqCoDel, FqCoDelQueue
from sim.links.queues.red import Red, RedQueue
from sim.links.queues.token_bucket import TokenBucket
from sim.scenario.load import loads
from sim.scenario.schema import json_schema

MS = 1_000_000
FILE = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
links:
  - {endpoints: [a, b], queue: 77, bandwidth: 1Mbps, delay: 5ms, discipline: %s}
"""


def written(discipline: str) -> object:
    topology = loads(FILE % discipline)
    return link_properties(topology.properties(topology.links[0])).discipline


@pytest.mark.parametrize(
    ("text", "discipline"),
    [
        ("drop_tail", None),
        ("{drop_tail: {}}", None),
        ("codel", CoDel()),
        ("{codel: {}}", CoDel(5 * MS, 100 * MS, False)),
        ("{codel: {target: 1ms, interval: 20ms, ecn: true}}", CoDel(MS, 20 * MS, True)),
        ("red", Red(5, 15, 0.1, 0.002, True, False)),
        ("{red: {min: 30}}", Red(min=30, max=90)),
        (
            "{red: {min: 30, max: 40, probability: 5%, weight: 0.01, gentle: false, ecn: true}}",
            Red(30, 40, 0.05, 0.01, False, True),
        ),
        ("fq_codel", FqCoDel()),
        (
            "{fq_codel: {target: 2ms, interval: 30ms, quantum: 300B, flows: 16, ecn: false}}",
            FqCoDel(2 * MS, 30 * MS, 300, 16, False),
        ),
        ("{token_bucket: {rate: 5Mbps, burst: 32kB}}", TokenBucket(5_000_000, 32_000)),
    ],
)
def test_what_is_written_and_what_is_built(text: str, discipline: object) -> None:
    assert written(text) == discipline


def test_both_directions_have_their_own_queue_with_the_links_bound() -> None:
    net = build(loads(FILE % "fq_codel"))
    there, back = (channel.queue for channel in net.links[0].channels)
    assert isinstance(there, FqCoDelQueue)
    assert isinstance(back, FqCoDelQueue)
    assert there is not back
    assert (there.limit_frames, there.limit_bytes, there.bandwidth) == (77, 0, 1_000_000)
    assert (there.parameters, there._salt != back._salt) == (FqCoDel(), True)


def test_defaults_hold_for_it_and_a_link_can_say_otherwise() -> None:
    text = "defaults: {link: {discipline: codel}}\nnodes: {a: {kind: hub}, b: {kind: hub}}\n"
    topology = loads(text + "links: [{endpoints: [a, b], discipline: drop_tail}, [a, b]]\n")
    disciplines = [link_properties(topology.properties(link)).discipline for link in topology.links]
    assert disciplines == [None, CoDel()]


def test_a_step_changes_it_while_frames_wait() -> None:
    text = FILE % "codel"
    text += """
scenario:
  - udp: {from: a, to: b, port: 9, size: 1000, count: 20, interval: 1ms}
    expect: {received: 20}
  - {link: {endpoints: [a, b], queue: 50}, at: 20ms}
  - {link: {endpoints: [a, b], discipline: {red: {min: 60}}}, at: 30ms}
  - {link: {endpoints: [a, b], discipline: drop_tail}, at: 40ms}
  - {link: {endpoints: [a, b], discipline: fq_codel}, at: 50ms}
"""
    run = Run(loads(text))
    net = run.network
    seen: list[tuple[object, int, bool]] = []

    def look() -> None:
        queue = net.links[0].channels[0].queue
        seen.append((type(queue), 0 if queue is None else queue.limit_frames, net.links[0].channels[0].queued() > 5))

    for time in (15, 25, 35, 45, 55):
        net.engine.at(time * MS, look)
    report = run.run()
    assert report.passed
    assert seen == [
        (CoDelQueue, 77, True),
        (CoDelQueue, 50, True),
        (RedQueue, 50, True),
        (type(None), 0, True),
        (FqCoDelQueue, 50, True),
    ]


def test_a_property_that_changes_leaves_the_queue_as_it_is() -> None:
    net = build(loads(FILE % "codel"))
    link = net.links[0]
    queue = link.channels[0].queue
    (cable,) = loads(FILE % "{codel: {target: 5ms}}").cables()
    net.configure(link, link_properties(cable), impairments(cable))
    assert link.channels[0].queue is queue


def test_in_python() -> None:
    net = Network()
    hosts = [net.host(name, ip=f"10.0.{index}.1/24") for index, name in enumerate(("a", "b", "c", "d"))]
    named = net.link(hosts[0], hosts[1], bandwidth="10Mbps", queue=100, discipline="codel")
    given = net.link(hosts[2], hosts[3], discipline=CoDel(target=1000))
    queues = [link.channels[0].queue for link in (named, given)]
    assert [(queue.target, queue.limit_frames) for queue in queues if isinstance(queue, CoDelQueue)] == [
        (5 * MS, 100),
        (1000, 0),
    ]
    for name, message in (("coddle", "no queue discipline called 'coddle'"), ("token_bucket", "no usual numbers")):
        net.switch(name)
        with pytest.raises(TopologyError, match=message):
            net.link(name, "sw", discipline=name)


def test_the_schema_has_the_short_form() -> None:
    discipline = json_schema()["$defs"]["Discipline"]
    short, long = discipline["anyOf"]
    assert short == {"enum": ["drop_tail", "red", "codel", "fq_codel"]}
    assert set(long["properties"]) == {"drop_tail", "red", "codel", "fq_codel", "token_bucket"}
    assert json_schema()["$defs"]["CoDel"]["properties"]["target"]["default"] == "5ms"
    assert json_schema()["$defs"]["TokenBucket"]["required"] == ["rate", "burst"]
