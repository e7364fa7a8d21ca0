"""A network that people watch and change while it runs: without a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.bridge.live import Live
from sim.bridge.loopback import BridgeError
from sim.errors import TopologyError
from sim.lab.crafting import FrameError
from sim.lab.runner import StepReport
from sim.units import MILLISECOND, SECOND

PATIENCE = 10.0
PAIR = """
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.1/24}
  sw: {kind: switch}
  server: {kind: host, ip: 10.0.0.2/24, services: [echo, {http: {body: hello}}]}
links: [{endpoints: [pc, sw], delay: 1ms}, [server, sw]]
"""


class Watched(Live):
    """Keeps what is told, and lets a test wait for it."""

    def __init__(self, path: Path, *, paused: bool = False, speed: float = 1.0, scenario: bool = True) -> None:
        super().__init__(path, paused=paused, speed=speed, scenario=scenario)
        self.said = ""
        self.errors: list[str] = []
        self.steps: list[StepReport] = []
        self._told = threading.Condition()
        self.on_output = self._say
        self.on_error = self._fail
        self.run_.on_step = self._step

    def wait(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Until something is so that is told."""
        with self._told:
            assert self._told.wait_for(condition, patience), (self.said, self.errors)

    def enter(self, line: str, node: str = "pc") -> None:
        self.call(lambda: self.console(node).enter(line))

    def _say(self, _node: str, text: str) -> None:
        with self._told:
            self.said += text
            self._told.notify_all()

    def _fail(self, text: str) -> None:
        with self._told:
            self.errors.append(text)
            self._told.notify_all()

    def _step(self, report: StepReport) -> None:
        with self._told:
            self.steps.append(report)
            self._told.notify_all()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR)
    return path


@pytest.fixture
def live(file: Path) -> Iterator[Watched]:
    with Watched(file) as live:
        yield live


@pytest.fixture
def still(file: Path) -> Iterator[Watched]:
    with Watched(file, paused=True) as live:
        yield live


def test_a_console_in_real_time(live: Watched) -> None:
    live.enter("ping -c 1 server")
    live.wait(lambda: "1 sent, 1 received" in live.said)
    live.enter("curl http://server/")
    live.wait(lambda: "hello\n[200 OK" in live.said)


@pytest.mark.slow
def test_a_link_is_cut_under_a_ping(live: Watched) -> None:
    live.enter("ping -i 0.2 -W 0.2 server")
    live.wait(lambda: "icmp_seq=1 ttl" in live.said)
    live.call(lambda: live.do({"link": {"endpoints": ["server", "sw"], "state": "down"}}))
    live.wait(lambda: "no answer; sw: no other port has a link that is up" in live.said)
    live.call(lambda: live.do({"link": {"endpoints": ["server", "sw"], "state": "up"}}))
    seen = len(live.said)
    live.wait(lambda: "64 bytes from" in live.said[seen:])
    live.call(lambda: live.console("pc").interrupt())
    live.wait(lambda: "ping statistics" in live.said)


def test_time_stands_still(still: Watched) -> None:
    still.enter("ping -c 1 server")
    assert "PING server" in still.said
    assert still.call(lambda: (still.network.now, still.network.engine.at_rest())) == (0, False)
    assert still.call(still.step)
    first = still.call(lambda: still.network.now)
    assert 0 < first < 2 * MILLISECOND
    for _ in range(50):
        if "1 received" in still.said:
            break
        assert still.call(still.step)
    assert "1 sent, 1 received" in still.said


def test_a_step_pauses(live: Watched) -> None:
    live.enter("ping server")
    live.call(live.step)
    assert live.paused
    assert live.lag == 0
    now = live.call(lambda: live.network.now)
    assert live.call(lambda: live.network.now) == now
    live.call(lambda: live.pause(False))
    seen = live.said
    live.wait(lambda: len(live.said) > len(seen))


def test_nothing_is_left_to_happen(still: Watched) -> None:
    for _ in range(1000):
        if not still.call(still.step):
            break
    else:
        pytest.fail("it never comes to rest")


@pytest.mark.slow
def test_speed_changes_without_a_leap(live: Watched) -> None:
    before = live.call(lambda: live.network.now)
    live.call(lambda: live.set_speed(100.0))
    assert live.call(lambda: live.network.now) - before < SECOND
    live.enter("ping -c 20 server")
    live.wait(lambda: "20 received" in live.said)
    live.call(lambda: live.set_speed(1.0))
    after = live.call(lambda: live.network.now)
    assert after - before >= 19 * SECOND
    assert live.call(lambda: live.network.now) - after < SECOND


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_speed_that_is_none(live: Watched, file: Path, speed: float) -> None:
    with pytest.raises(BridgeError, match="is none"):
        live.call(lambda: live.set_speed(speed))
    with pytest.raises(BridgeError, match="is none"):
        Live(file, speed=speed)


def test_a_frame_is_injected(still: Watched) -> None:
    root = still.inject("pc", "Ether()/IP(dst='10.0.0.2')/ICMP()").result(PATIENCE)
    while not still.call(lambda: still.network.trace.journey(root).path()[-1] == "server"):
        assert still.call(still.step)
    frame = still.call(lambda: still.network.recorder.frames[0])
    assert frame[26:34] == bytes([10, 0, 0, 1, 10, 0, 0, 2])
    assert still.inject("pc:eth0", "ff" * 20).result(PATIENCE) > root


@pytest.mark.parametrize(
    ("port", "text", "error"),
    [
        ("pc", "Eter()", "did you mean Ether?"),
        ("pc", "__import__('os').system('true')", "is not a layer"),
        ("pc", "", "neither hex nor an expression"),
        ("nobody", "ff", "there is no node called 'nobody'"),
        ("pc:eth9", "ff", "there is no port of pc called 'eth9'"),
    ],
)
def test_a_frame_that_cannot_be_injected(live: Watched, port: str, text: str, error: str) -> None:
    with pytest.raises((FrameError, TopologyError)) as caught:
        live.inject(port, text)
    assert error in str(caught.value)


def test_changes_that_cannot_be_made(live: Watched) -> None:
    with pytest.raises(TopologyError, match="there is no link between pc and server"):
        live.call(lambda: live.do({"link": {"endpoints": ["pc", "server"], "state": "down"}}))
    with pytest.raises(TopologyError, match="a command is one of"):
        live.call(lambda: live.do({"program": {}}))
    with pytest.raises(TopologyError, match="there is no node called"):
        live.call(lambda: live.console("nobody"))


def test_power(live: Watched) -> None:
    live.call(lambda: live.do({"node": {"name": "sw", "state": "down"}}))
    assert live.call(live.dark) == ["sw"]
    live.enter("ping -c 1 -W 0.05 server")
    live.wait(lambda: "0 received" in live.said)
    live.call(lambda: live.do({"node": {"name": "sw", "state": "up"}}))
    assert live.call(live.dark) == []


STEPS = """
scenario:
  - ping: {from: pc, to: server}
  - {name: hopeless, ping: {from: pc, to: 10.0.0.9, timeout: 50ms}, expect: {received: 1}}
"""


def test_the_scenario_runs_as_well(file: Path) -> None:
    file.write_text(PAIR + STEPS)
    with Watched(file, speed=20) as live:
        live.wait(lambda: len(live.steps) == 2)
        assert [step.passed for step in live.steps] == [True, False]
        assert live.call(lambda: live.scenario_over)


def test_the_scenario_can_be_left_out(file: Path) -> None:
    file.write_text(PAIR + STEPS)
    with Watched(file, speed=1000, scenario=False) as live:
        live.enter("ping -c 1 server")
        live.wait(lambda: "1 received" in live.said)
        assert live.scenario_over
        assert live.steps == []


def test_a_scenario_that_is_abandoned_is_judged_no_more(file: Path) -> None:
    file.write_text(PAIR + STEPS)
    with Watched(file, paused=True) as live:
        live.call(live.step)
        live.call(lambda: live.run_.abandon("too much"))
        while live.call(live.step):
            pass
        assert live.steps == []
        assert live.scenario_over


def test_a_step_that_cannot_be_done_is_told_and_the_network_goes_on(live: Watched) -> None:
    def step() -> None:
        raise TopologyError("nobody can do this")

    live.call(lambda: live.network.engine.at(live.network.now, step))
    live.wait(lambda: live.errors)
    assert "nobody can do this" in live.errors[0]
    live.enter("ping -c 1 server")
    live.wait(lambda: "1 received" in live.said)


@pytest.mark.slow
def test_a_loop_that_takes_no_time_pauses(file: Path) -> None:
    file.write_text(PAIR)
    with Watched(file) as live:

        def again() -> None:
            live.network.engine.at(live.network.now, again)

        live.call(lambda: live.network.engine.at(live.network.now, again))
        live.wait(lambda: live.errors, 6 * PATIENCE)
        assert live.errors[0].startswith("paused: ")
        assert live.paused
        assert live.call(lambda: 7) == 7


def test_a_network_that_breaks_down(file: Path) -> None:
    def burst() -> None:
        raise RuntimeError("a pipe has burst")

    with Watched(file) as live:
        live.call(lambda: live.network.engine.at(live.network.now, burst))
        live.wait(lambda: live.errors)
        assert "a pipe has burst" in live.errors[0]
        assert live.stopped.wait(PATIENCE)
        with pytest.raises(BridgeError, match="a pipe has burst"):
            live.call(int)
    assert isinstance(live.failure, RuntimeError)


def test_it_is_over_when_it_is_over(file: Path) -> None:
    before = threading.active_count()
    with Watched(file) as live:
        assert live.call(lambda: threading.current_thread().name) == "sim.live"
        assert live.call(lambda: live.call(lambda: 3)) == 3
        with pytest.raises(ZeroDivisionError):
            live.call(lambda: 1 // 0)
    assert threading.active_count() == before
    assert live.failure is None
    with pytest.raises(BridgeError, match="the network has stopped"):
        live.call(int)
