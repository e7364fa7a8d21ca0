"""One test under many seeds: `@sim.test(seeds=200)`.

    @sim.test(seeds=200)
    def test_no_update_is_lost(net):
        ...

The function gets a fresh network for each seed (its parameter is called `net`), or the seed itself (`seed`). The first
seed under which it fails ends the test: the error says which it was, how to run it alone, and where its trace lies. It
is an ordinary function, so that any test runner takes it; with pytest, sim/pytest_plugin.py adds options.
"""

from __future__ import annotations

import functools
import inspect
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.lab.network import Network

Function = Callable[..., Any]

NOT_FAILURES: Final = ("Skipped", "Exit", "XFailed")
"""Names of exceptions with which a test tells its runner something else than that it failed."""


@dataclass(frozen=True)
class Settings:
    """How trials run: how many `seeds` in place of the test's own number, or only the one to `replay`; `shuffle` in
    any case; the `folder` for the trace of the one that fails; the `command` that runs a seed again."""

    seeds: int | None = None
    replay: int | None = None
    shuffle: bool = False
    folder: Callable[[], Path] = lambda: Path(tempfile.mkdtemp(prefix="sim-trace-"))
    command: Callable[[int], str | None] = lambda _seed: None


class Trials:
    """A test function and the seeds it is run under, 0 to `seeds` - 1. `parameter` is what it is given for each."""

    def __init__(self, function: Function, seeds: int, shuffle: bool) -> None:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is a coroutine function: start it on a host, with host.run(...)")
        names = list(inspect.signature(function).parameters)
        found = [name for name in ("net", "seed") if name in names]
        if len(found) != 1:
            raise TypeError(f"{function.__name__} needs a parameter called net (a network), or one called seed")
        self.function = function
        self.parameter = found[0]
        self.seeds = seeds
        self.shuffle = shuffle

    def run(self, settings: Settings, call: Function) -> None:
        """Run `call(net=...)` or `call(seed=...)` under each seed. Raises what the first failure raises, with a note
        about the seed."""
        seeds: Iterable[int] = range(self.seeds if settings.seeds is None else settings.seeds)
        if settings.replay is not None:
            seeds = [settings.replay]
        for seed in seeds:
            if self.parameter == "seed":
                self._try(settings, seed, None, lambda seed=seed: call(seed=seed))
                continue
            net = Network(seed)
            if self.shuffle or settings.shuffle:
                net.shuffle()
            self._try(settings, seed, net, lambda net=net: call(net=net))
            net.close()

    def _try(self, settings: Settings, seed: int, net: Network | None, call: Function) -> None:
        try:
            call()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            if type(error).__name__ not in NOT_FAILURES:
                error.add_note(failure_note(seed, settings.command(seed), save_trace(net, settings.folder, seed)))
            raise


def save_trace(net: Network | None, folder: Callable[[], Path], seed: int) -> Path | None:
    """Write the trace of a network to a capture file; None if there is nothing to write."""
    if net is None or not len(net.trace.recorder.ids):
        return None
    path = folder() / f"seed-{seed}.pcapng"
    net.trace.write_pcapng(path)
    return path


def failure_note(seed: int, command: str | None, trace: Path | None) -> str:
    """What to do about a failure."""
    lines = [f"packetsim: it fails with seed {seed}"]
    if command is not None:
        lines.append(f"the same run again: {command}")
    if trace is not None:
        lines.append(f"its trace: {trace}")
    return "\n".join(lines)


def test(seeds: int = 100, *, shuffle: bool = False) -> Callable[[Function], Function]:  # noqa: PT028 - no test itself
    """Make a test of a function that takes `net` (a fresh Network) or `seed`: it is run under the seeds 0 to
    `seeds` - 1.

    With `shuffle` the seed also orders what happens at one instant (see `Network.shuffle`). Other parameters are left
    to the test runner: fixtures, in pytest. Raises TypeError for a function that takes neither.
    """
    if not isinstance(seeds, int) or seeds < 1:
        raise TypeError("write @sim.test(), or @sim.test(seeds=200)")

    def decorate(function: Function) -> Function:
        trials = Trials(function, seeds, shuffle)

        @functools.wraps(function)
        def run(*args: Any, **named: Any) -> None:
            trials.run(Settings(), functools.partial(function, *args, **named))

        signature = inspect.signature(function)
        rest = [parameter for name, parameter in signature.parameters.items() if name != trials.parameter]
        run.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
        run.sim_trials = trials  # type: ignore[attr-defined]
        return run

    return decorate


test.__test__ = False  # type: ignore[attr-defined]  # for pytest, which takes what is called test* for one
