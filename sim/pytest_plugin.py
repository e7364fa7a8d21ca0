"""packetsim for pytest: `@sim.test` under many seeds, and networks as fixtures.

    --sim-seeds N       so many seeds for each `@sim.test`, in place of its own number
    --sim-replay SEED   only this seed
    --sim-shuffle       what happens at one instant is ordered by the seed, to hunt races

Fixtures: `sim_network` is a fresh network, whose seed comes from the test's name; `sim_load(path, seed=None)` builds
one from a topology's file, which lies beside the test; `sim_bridge(path, **settings)` runs one in real time, its ports
on loopback (see sim/bridge); `sim_traffic(net)` tells what went over the wires. When a test
fails, the traces of its networks are written to pytest's temporary folder. A suite that uses none of it does not pay
for it: everything else is imported when it is asked for.
"""

from __future__ import annotations

import functools
import hashlib
import shlex
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sim.bridge.session import Bridge
    from sim.lab.network import Network
    from sim.lab.traffic import Traffic

NETWORKS = pytest.StashKey[list[Any]]()
"""The networks that a test's fixtures have made."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("packetsim", "networks in virtual time")
    group.addoption("--sim-seeds", type=_count, metavar="N", help="run each @sim.test under N seeds")
    group.addoption("--sim-replay", type=int, metavar="SEED", help="run each @sim.test under this seed only")
    group.addoption("--sim-shuffle", action="store_true", help="let the seed order what happens at one instant")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _trials(item) is not None:
            item.fixturenames.append("tmp_path_factory")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a `@sim.test` as the options say."""
    trials = _trials(pyfuncitem)
    if trials is None:
        return None
    from sim.lab.seeds import Settings

    config = pyfuncitem.config
    settings = Settings(
        seeds=config.getoption("--sim-seeds"),
        replay=config.getoption("--sim-replay"),
        shuffle=config.getoption("--sim-shuffle"),
        folder=lambda: _folder(pyfuncitem),
        command=lambda seed: _command(pyfuncitem, seed),
    )
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    owner = [] if pyfuncitem.instance is None else [pyfuncitem.instance]
    trials.run(settings, functools.partial(trials.function, *owner, **arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the traces of the networks of a test that failed."""
    report = yield
    networks = item.stash.get(NETWORKS, [])
    if report.failed and call.when == "call" and networks and isinstance(item, pytest.Function):
        from sim.lab.seeds import failure_note, save_trace

        folder = functools.cache(lambda: _folder(item))
        for net in networks:
            text = failure_note(net.seed, _command(item, net.seed), save_trace(net, folder, net.seed))
            report.sections.append(("packetsim", text))
    return report


@pytest.fixture
def sim_network(request: pytest.FixtureRequest) -> Generator[Network, None, None]:
    """A fresh network. Its seed is `--sim-replay`, or made of the test's name: the same each time."""
    from sim.lab.network import Network

    net = Network(_seed(request))
    if request.config.getoption("--sim-shuffle"):
        net.shuffle()
    _remember(request, net)
    yield net
    net.close()


@pytest.fixture
def sim_load(request: pytest.FixtureRequest) -> Generator[Callable[..., Network], None, None]:
    """A function that builds the network of a topology's file: `sim_load("office.yaml", seed=3)`.

    A relative path leads on from the test's own folder. Without a `seed` it is `--sim-replay`, or the file's.
    """
    networks: list[Network] = []

    def load(path: str | Path, seed: int | None = None) -> Network:
        from sim.lab.api import load

        chosen = request.config.getoption("--sim-replay") if seed is None else seed
        net = load(request.path.parent / path, chosen)
        if request.config.getoption("--sim-shuffle"):
            net.shuffle()
        networks.append(net)
        _remember(request, net)
        return net

    yield load
    for net in networks:
        net.close()


@pytest.fixture
def sim_bridge(request: pytest.FixtureRequest) -> Generator[Callable[..., Bridge], None, None]:
    """A function that runs a topology's file in real time: `requests.get(sim_bridge("office.yaml").url("web", 80))`.

    A relative path leads on from the test's own folder; the settings are those of `sim.bridge`. It ends with the test.
    """
    with ExitStack() as bridges:

        def bridge(path: str | Path, seed: int | None = None, speed: float = 1.0, **settings: Any) -> Bridge:
            from sim.bridge.session import Bridge, Settings

            chosen = request.config.getoption("--sim-replay") if seed is None else seed
            wanted = Settings(**({"record": True} | settings))
            running = bridges.enter_context(Bridge(request.path.parent / path, wanted, seed=chosen, speed=speed))
            _remember(request, running.network)
            return running

        yield bridge


@pytest.fixture
def sim_traffic() -> Callable[[Network], Traffic]:
    """A function that gives a network's traffic: `sim_traffic(net).count("pc1", "web", "tcp")`."""
    from sim.lab.traffic import Traffic

    return Traffic


def _trials(item: pytest.Function) -> Any:
    return getattr(item.function, "sim_trials", None)


def _seed(request: pytest.FixtureRequest) -> int:
    replay = request.config.getoption("--sim-replay")
    if replay is not None:
        return int(replay)
    return int.from_bytes(hashlib.sha256(request.node.name.encode()).digest()[:4], "big")


def _remember(request: pytest.FixtureRequest, net: Network) -> None:
    item: pytest.Item = request.node
    if "tmp_path_factory" not in item.fixturenames:  # type: ignore[attr-defined]
        item.fixturenames.append("tmp_path_factory")  # type: ignore[attr-defined]
    request.getfixturevalue("tmp_path_factory")
    item.stash.setdefault(NETWORKS, []).append(net)


def _folder(item: pytest.Function) -> Path:
    """A new folder of pytest's for what a test leaves behind."""
    name = "".join(character if character.isalnum() else "-" for character in item.name)[:40]
    factory: pytest.TempPathFactory = item._request.getfixturevalue("tmp_path_factory")
    return factory.mktemp(name)


def _command(item: pytest.Item, seed: int) -> str:
    shuffle = " --sim-shuffle" if item.config.getoption("--sim-shuffle") else ""
    return f"pytest {shlex.quote(item.nodeid)} --sim-replay {seed}{shuffle}"


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
