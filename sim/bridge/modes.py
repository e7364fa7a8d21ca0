"""Which ways there are here to run a real program on a simulated host, and why not the others.

Two of them take the host's place; the third only leads there, by proxies (see proxied.py). A way is tried, not guessed
at: each is asked for a namespace with a TAP device in it, as a run would be.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.bridge import namespace, proxied
from sim.bridge.namespace import Layout, Namespace, RefusedError
from sim.bridge.tap import TUN_DEVICE, TapError

ROOT: Final = "root namespace"
USER: Final = "user namespace"
PROXY: Final = "proxy variables"

SETTINGS: Final = (
    # a file in /proc/sys, the value with which it forbids user namespaces, and what allows them
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
)


@dataclass(frozen=True)
class Mode:
    """A way to run a program, and why it does not work here (None: it does), with what would help, if that is known."""

    name: str
    why_not: str | None = None
    remedy: str | None = None

    @property
    def available(self) -> bool:
        """Whether it works here."""
        return self.why_not is None


class NoModeError(TapError):
    """No way works here; `modes` says why not each."""

    def __init__(self, modes: Sequence[Mode]) -> None:
        super().__init__("; ".join(f"{mode.name}: {mode.why_not}" for mode in modes))
        self.modes = modes


def modes(layout: Layout | None = None) -> list[Mode]:
    """All ways, the best first: tried with the layout of a host, or with one interface."""
    tried = layout or Layout(taps=("eth0",))
    return [_try(ROOT, tried), _try(USER, tried), Mode(PROXY, proxied.why_not())]


def open_namespace(
    layout: Layout, command: Sequence[str], environment: Mapping[str, str], names: Sequence[str] = (ROOT, USER)
) -> tuple[str, Namespace]:
    """A namespace in the first way of `names` that works, and the name of that way. Raises NoModeError."""
    failed = []
    for name in names:
        try:
            return name, Namespace.open(layout, command, environment, user=name == USER)
        except RefusedError as error:
            failed.append(_explained(name, error))
    raise NoModeError(failed)


def _try(name: str, layout: Layout) -> Mode:
    try:
        Namespace.open(layout, user=name == USER).close()
    except RefusedError as error:
        return _explained(name, error)
    return Mode(name)


def _explained(name: str, error: RefusedError) -> Mode:
    return Mode(name, str(error), _remedy(name, error))


def _remedy(name: str, error: RefusedError) -> str | None:
    """What its user can do about a refusal."""
    if error.step == namespace.CONFIGURE and error.number == errno.ENOENT:
        return "install iproute2"
    if error.step == namespace.TUN and error.number == errno.ENOENT:
        return "load the kernel's module: modprobe tun"
    if error.step == namespace.TUN and error.number in (errno.EACCES, errno.EPERM):
        return f"let users open it, as most systems do: chmod 666 {TUN_DEVICE}"
    if error.step == namespace.TUN and error.number in (errno.ENODEV, errno.ENXIO):
        return "the kernel has no TAP devices: load its module tun"
    if name == ROOT and error.step == namespace.SPACES and error.number == errno.EPERM:
        return "run it as root" if os.geteuid() != 0 else "this root lacks CAP_SYS_ADMIN: give it to the container"
    if name == USER and error.step in (namespace.USER, namespace.SPACES):
        return forbidden_by()
    return None


def forbidden_by(settings: Path = Path("/proc/sys")) -> str:
    """Which setting of the system forbids user namespaces."""
    for file, value, remedy in SETTINGS:
        try:
            found = (settings / file).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found == value:
            return f"allow user namespaces: {remedy}"
    return "allow user namespaces: a container's seccomp profile, or the kernel's configuration, forbids them"
