"""The pytest plugin, as a stranger's suite meets it."""

from __future__ import annotations

import pytest

import sim
from sim.lab import api, seeds, traffic
from sim.userland.install import install

install()  # and those three: pytester forgets what was imported in a run, and nothing of it can be imported twice
assert all((api, seeds, traffic))

pytest_plugins = ["pytester"]

RACE = """
import random, socket, time
import sim


def server(requests):
    value = 0
    with socket.create_server(("", 80)) as listener:
        for _ in range(requests):
            connection, _ = listener.accept()
            with connection:
                word, _, number = connection.recv(100).decode().partition(" ")
                value = int(number) if word == "set" else value
                connection.sendall(str(value).encode())
    return value


def ask(request):
    with socket.create_connection(("10.0.0.1", 80)) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(100))


def add_one():
    time.sleep(random.random())
    value = ask("get")
    time.sleep(0.01)            # read, think, write: whoever reads meanwhile, reads what is out of date
    ask(f"set {value + 1}")


@sim.test(seeds=200)
def test_no_update_is_lost(net):
    counter = net.host("counter", ip="10.0.0.1/24")
    clients = [net.host(name, ip=ip) for name, ip in (("a", "10.0.0.2/24"), ("b", "10.0.0.3/24"))]
    switch = net.switch("sw")
    for host in (counter, *clients):
        net.link(host, switch, delay="1ms")
    process = counter.spawn(server, 4)
    for client in clients:
        client.spawn(add_one)
    net.run("10s")
    assert process.result() == 2
"""


class Suite:
    """Another suite, with the plugin: by its entry point, where the package is installed with that."""

    def __init__(self, pytester: pytest.Pytester, installed: bool) -> None:
        self.pytester = pytester
        self._options = ["-p", "no:cacheprovider", *([] if installed else ["-p", "sim.pytest_plugin"])]

    def write(self, text: str, name: str = "test_it") -> None:
        self.pytester.makepyfile(**{name: text})

    def run(self, *options: str) -> pytest.RunResult:
        return self.pytester.runpytest(*self._options, *options)

    def run_apart(self, *options: str) -> pytest.RunResult:
        """Run it in a process of its own."""
        return self.pytester.runpytest_subprocess(*self._options, *options)


@pytest.fixture
def suite(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> Suite:
    return Suite(pytester, pytestconfig.pluginmanager.has_plugin("packetsim"))


def said_once(text: str, words: str) -> str:
    """What follows these words: the same wherever they stand (in CI pytest repeats them in its summary)."""
    (rest,) = {line.partition(words)[2] for line in text.splitlines() if words in line}
    return rest


@pytest.mark.slow
def test_a_lost_update_is_found_and_replayed_from_its_seed(suite: Suite) -> None:
    suite.write(RACE, "test_race")
    found = suite.run()
    found.assert_outcomes(failed=1)
    text = found.stdout.str()
    seed = said_once(text, "it fails with seed ")
    assert int(seed) > 0, "not every order loses the update"
    assert f"pytest test_race.py::test_no_update_is_lost --sim-replay {seed}" in text
    trace = said_once(text, "its trace: ")
    with open(trace, "rb") as file:
        assert file.read(4) == b"\x0a\x0d\x0d\x0a"  # a pcapng section header
    assert trace.endswith(f"seed-{seed}.pcapng")

    again = suite.run("test_race.py::test_no_update_is_lost", "--sim-replay", seed)
    again.assert_outcomes(failed=1)
    assert f"it fails with seed {seed}" in again.stdout.str()
    suite.run("--sim-replay", "0").assert_outcomes(passed=1)
    suite.run("--sim-seeds", "3").assert_outcomes(passed=1)


def test_how_often_and_with_what_it_is_called(suite: Suite) -> None:
    suite.write(
        """
        import pytest, sim
        seen = []

        @sim.test(seeds=5)
        def test_seeds(seed, tmp_path):
            seen.append(seed)
            assert tmp_path.is_dir()

        class TestInClass:
            @sim.test(seeds=2)
            @pytest.mark.parametrize("more", [10, 20])
            def test_networks(self, net, more):
                seen.append(net.seed + more)

        def test_all_were_there():
            assert seen == [0, 1, 2, 3, 4, 10, 11, 20, 21]

        @sim.test(seeds=5)
        def test_skips(net):
            pytest.skip("not today")
        """
    )
    result = suite.run()
    result.assert_outcomes(passed=4, skipped=1)
    assert "it fails" not in result.stdout.str()


def test_fixtures(suite: Suite) -> None:
    suite.pytester.path.joinpath("two.yaml").write_text(
        "seed: 4\nnodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}\nlinks: [[a, b]]\n"
    )
    suite.write(
        """
        seeds = {}

        def test_one(sim_network, sim_traffic):
            seeds["one"] = sim_network.seed
            a = sim_network.host("a", ip="10.0.0.1/24")
            b = sim_network.host("b", ip="10.0.0.2/24")
            sim_network.link(a, b)
            a.ping("b")
            assert sim_traffic(sim_network).count("a", "b", "icmp") == 2
            sim_traffic(sim_network).assert_path("a", "b")

        def test_two(sim_network, sim_load):
            seeds["two"] = sim_network.seed
            net = sim_load("two.yaml")
            assert (net.seed, sim_load("two.yaml", seed=9).seed) == (4, 9)
            assert net["a"].ping("b").received == 1

        def test_seeds_differ_and_stay():
            assert seeds == {"one": 4101990423, "two": seeds["two"]}
            assert seeds["one"] != seeds["two"]
        """
    )
    result = suite.run()
    result.assert_outcomes(passed=3)


def test_a_bridge(suite: Suite) -> None:
    suite.pytester.path.joinpath("two.yaml").write_text(
        "nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24, services: [echo]}}\n"
        "links: [[a, b]]\n"
    )
    suite.write(
        """
        import socket, threading

        def test_talk(sim_bridge, sim_traffic):
            bridge = sim_bridge("two.yaml", seed=3, enter_at="a")
            with socket.create_connection(bridge.endpoint("b", 7), 10) as client:
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"
            assert bridge.network.seed == 3
            assert bridge.call(lambda: sim_traffic(bridge.network).count("a", "b", "tcp")) > 0

        def test_nothing_is_left():
            assert "sim.bridge" not in {thread.name for thread in threading.enumerate()}
        """
    )
    suite.run().assert_outcomes(passed=2)


def test_a_test_with_a_fixture_that_fails_leaves_its_trace(suite: Suite) -> None:
    suite.write(
        """
        def test_bad(sim_network):
            a = sim_network.host("a", ip="10.0.0.1/24")
            sim_network.link(a, sim_network.host("b", ip="10.0.0.2/24"))
            assert a.ping("b").received == 2
        """
    )
    result = suite.run("--sim-replay", "77")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "packetsim: it fails with seed 77",
            "the same run again: pytest test_it.py::test_bad --sim-replay 77",
            "its trace: *seed-77.pcapng",
        ]
    )


def test_programs_that_still_run_leave_no_warning(suite: Suite) -> None:
    suite.write(
        """
        import asyncio, gc, socket
        import sim

        async def handle(reader, writer):
            try:
                await reader.read()
            finally:
                writer.close()

        async def serve():
            server = await asyncio.start_server(handle, "", 80)
            async with server:
                await server.serve_forever()

        def wait():
            with socket.create_connection(("10.0.0.1", 80)) as connection:
                connection.recv(1)

        @sim.test(seeds=3)
        def test_ends_early(net):
            a, b = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24")
            net.link(a, b)
            a.spawn(serve)
            b.spawn(wait)
            net.run("10ms")

        def test_afterwards():
            gc.collect()
        """
    )
    suite.run("-W", "error").assert_outcomes(passed=2)


def test_a_suite_that_does_not_use_it_imports_none_of_it(suite: Suite) -> None:
    suite.write(
        """
        import sys

        def test_it():
            assert not any(name.startswith(("sim.lab", "greenlet", "scapy")) for name in sys.modules)
        """
    )
    suite.run_apart().assert_outcomes(passed=1)


@pytest.mark.slow
def test_with_xdist(suite: Suite) -> None:
    pytest.importorskip("xdist")
    suite.write(RACE, "test_race")
    result = suite.run_apart("-n", "1")
    result.assert_outcomes(failed=1)
    assert "--sim-replay" in result.stdout.str()


def test_without_pytest_it_is_a_function() -> None:
    seen = []

    @sim.test(seeds=4)
    def fails_with_two(net: sim.Network) -> None:
        seen.append(net.seed)
        assert net.seed < 2

    with pytest.raises(AssertionError) as caught:
        fails_with_two()
    assert seen == [0, 1, 2]
    assert caught.value.__notes__ == ["packetsim: it fails with seed 2"]


def test_what_it_cannot_be_used_for() -> None:
    with pytest.raises(TypeError, match="needs a parameter called net"):
        sim.test()(lambda: None)
    with pytest.raises(TypeError, match=r"write @sim\.test\(\)"):
        sim.test(lambda net: None)  # type: ignore[arg-type]

    async def coroutine(net: sim.Network) -> None: ...

    with pytest.raises(TypeError, match="coroutine function"):
        sim.test()(coroutine)
