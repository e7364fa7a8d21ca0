"""A process in a network namespace of its own, whose interfaces are TAP devices that we hold: see namespaces(7).

1. Fork. The child leaves our namespaces for new ones: network, mounts, host name; before that, where we are not root,
   a user namespace, in which it is root (user_namespaces(7)).
2. In there it makes the TAP devices, lets `ip -batch` configure them, and lays its own /etc/hosts and the like over
   those of the system.
3. It passes the descriptors of the devices back to us (SCM_RIGHTS, unix(7)), and waits.
4. Told to go, it becomes the command: the same process, in our process group and on our terminal, so that Ctrl-C
   reaches it and its exit status is ours to know.

The namespaces have no name, and nothing of them is in the file system: they end with the last process in them. The
files laid over others are deleted before anybody reads them, and live on as long as the mounts do.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar

from sim.bridge.tap import CLONE_NEWNET, TUN_DEVICE, Tap, TapError

CLONE_NEWNS: Final = 0x00020000  # <linux/sched.h>
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWUSER: Final = 0x10000000
MS_BIND: Final = 0x1000  # <linux/mount.h>
MS_REC: Final = 0x4000
MS_SLAVE: Final = 0x80000
PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>
NEW_INTERFACES_IPV6: Final = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
NSCD: Final = "/run/nscd/socket"
"""Where a cache of names listens that knows those of the real network only; mount namespaces do not hide it."""
SBIN: Final = ("/usr/sbin", "/sbin")
MESSAGE: Final = 65_536
MOST_TAPS: Final = 250  # SCM_MAX_FD is 253
NOT_FOUND: Final = 127  # as a shell reports it, and 126 for what is no program
NOT_EXECUTABLE: Final = 126

T = TypeVar("T")

USER: Final = "user"
SPACES: Final = "namespaces"
TUN: Final = "tap"
CONFIGURE: Final = "ip"
FILES: Final = "files"


class RefusedError(TapError):
    """The system refuses a namespace: at which `step`, with which errno (0: the text tells it all)."""

    def __init__(self, text: str, step: str, number: int) -> None:
        super().__init__(text)
        self.step = step
        self.number = number


@dataclass(frozen=True)
class Layout:
    """What a namespace holds: the names of its TAP devices, the lines for `ip -batch`, and files by their paths."""

    host_name: str = ""
    taps: tuple[str, ...] = ()
    setup: tuple[str, ...] = ("link set lo up",)
    files: Mapping[str, str] = field(default_factory=dict)


class Namespace:
    """A process that waits in its namespaces to become a command. `taps` are its interfaces, in the layout's order;
    `missing` are files of the layout that this system does not have, and which therefore could not be replaced."""

    def __init__(self, pid: int, control: socket.socket, taps: list[Tap], space: int, missing: list[str]) -> None:
        self.pid = pid
        self.taps = taps
        self.missing = missing
        self._control = control
        self._space = space
        self._process = os.pidfd_open(pid)
        self._status: int | None = None

    @classmethod
    def open(
        cls,
        layout: Layout,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        user: bool = False,
    ) -> Namespace:
        """Make the namespaces and the process; with `user` in a user namespace, for which nobody has to be root.

        Needs Linux. Raises RefusedError.
        """
        _check_system(layout)
        sys.stdout.flush()
        sys.stderr.flush()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            _be_the_child(theirs, layout, command, dict(os.environ if environment is None else environment), user)
        theirs.close()
        try:
            reply, descriptors, _, _ = socket.recv_fds(ours, MESSAGE, MOST_TAPS + 1)
        except BaseException:
            _end(pid, ours)
            raise
        told = json.loads(reply or b'{"error": "the process in the namespace came to an early end", "step": ""}')
        if "error" in told:
            _end(pid, ours)
            raise RefusedError(told["error"], told["step"], told.get("errno", 0))
        taps = [
            Tap(descriptor, name, bytes.fromhex(mac))
            for descriptor, (name, mac) in zip(descriptors[1:], told["taps"], strict=True)
        ]
        return cls(pid, ours, taps, descriptors[0], told["missing"])

    def go(self) -> None:
        """Let the process become the command."""
        self._control.send(b"go")

    def fileno(self) -> int:
        """A descriptor that is readable once the process has ended."""
        return self._process

    def signal(self, number: int) -> None:
        """Send the process a signal; one that has ended does not mind."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, number)

    def wait(self) -> int:
        """Wait for the end of the process; return its exit status, or 128 + the signal that ended it."""
        if self._status is None:
            _, status = os.waitpid(self.pid, 0)
            self._status = shell_status(os.waitstatus_to_exitcode(status))
        return self._status

    def close(self) -> None:
        """End the process, if it has not ended, and give everything back."""
        if self._process < 0:
            return
        self._control.close()  # who was never told to go, goes home
        if self._status is None:
            self.signal(signal.SIGKILL)
            self.wait()
        for tap in self.taps:
            tap.close()
        os.close(self._space)
        os.close(self._process)
        self._process = -1


def shell_status(code: int) -> int:
    """An exit status as a shell reports it: 128 + N for a program that signal N has ended (-N in Python)."""
    return code if code >= 0 else 128 - code


def start_failure(program: str, error: OSError) -> tuple[int, str]:
    """The exit status, as of a shell, and the words for a program that could not be started."""
    status = NOT_FOUND if isinstance(error, FileNotFoundError | NotADirectoryError) else NOT_EXECUTABLE
    return status, f"sim exec: {program}: {(error.strerror or str(error)).lower()}\n"


def _check_system(layout: Layout) -> None:
    if sys.platform != "linux":
        raise RefusedError(f"namespaces are a matter of Linux, this is {sys.platform}", SPACES, 0)
    if not hasattr(os, "pidfd_open"):
        raise RefusedError("it takes pidfd_open(), which this Python does not have", SPACES, 0)
    if len(layout.taps) > MOST_TAPS:
        raise RefusedError(f"a namespace gets {MOST_TAPS} interfaces at most, not {len(layout.taps)}", TUN, 0)


def _end(pid: int, control: socket.socket) -> None:
    control.close()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


# -- what the child does


def _be_the_child(
    control: socket.socket, layout: Layout, command: Sequence[str], environment: dict[str, str], user: bool
) -> NoReturn:
    """Everything from the fork to the command; nothing returns to the caller, whose stack is not ours."""
    status = 1
    try:
        try:
            _settle(control, layout, user)
        except RefusedError as error:
            control.send(json.dumps({"error": str(error), "step": error.step, "errno": error.number}).encode())
        else:
            if control.recv(16):
                status = _become(command, environment)
    except BaseException as error:
        # The pipe broke, or Ctrl-C came before the command did: nobody is left to be told, but for a bug of ours.
        if not isinstance(error, OSError | KeyboardInterrupt):
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(status)


def _settle(control: socket.socket, layout: Layout, user: bool) -> None:
    """Make the namespaces and what is in them, and tell the parent. Raises RefusedError."""
    libc = ctypes.CDLL(None, use_errno=True)
    ids = os.getuid(), os.getgid()
    if user:
        _step(USER, "user namespace", lambda: _call(libc.unshare, CLONE_NEWUSER))
        _step(USER, "root's rights in a user namespace", lambda: _map_ids(*ids))
    spaces = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS
    _step(SPACES, "network namespace", lambda: _call(libc.unshare, spaces))
    # No later than that: to gain rights takes it back.
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # by nohup: then the program would not notice
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL if ignored else signal.SIGHUP)
    if layout.host_name:
        socket.sethostname(layout.host_name)
    with suppress(OSError):
        _write(NEW_INTERFACES_IPV6, "1")  # the simulated network has no IPv6, for which the kernel would look
    taps = _step(TUN, "TAP device", lambda: [_make_tap(name) for name in layout.taps])
    _configure(layout.setup)
    missing = _step(FILES, "files over those of the system", lambda: _lay_files(libc, layout.files))
    space = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    told = {"taps": [(tap.name, tap.mac.hex()) for tap in taps], "missing": missing}
    socket.send_fds(control, [json.dumps(told).encode()], [space, *(tap.fileno() for tap in taps)])
    for tap in taps:
        tap.close()
    os.close(space)


def _step(step: str, what: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except OSError as error:
        text = (error.strerror or str(error)).lower()
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        raise RefusedError(f"no {what}: {where}{text}", step, error.errno or 0) from None


def _call(function: Callable[..., int], *arguments: object) -> None:
    """A function of the C library that says -1 when it fails."""
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _map_ids(uid: int, gid: int) -> None:
    """Be root in the user namespace that we just made, and nobody else (user_namespaces(7))."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        _write(f"/proc/self/{name}", text)


def _write(path: str, text: str) -> None:
    """Write a file of the kernel's, in one call, and without the codecs that Python may not find from here."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _make_tap(name: str) -> Tap:
    os.close(os.open(TUN_DEVICE, os.O_RDWR | os.O_CLOEXEC))  # who may not even do that learns it from the errno
    try:
        return Tap.open(name)
    except TapError as error:
        raise RefusedError(str(error), TUN, 0) from None


def _configure(lines: Sequence[str]) -> None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])
    program = shutil.which("ip", path=path)
    if program is None:
        raise RefusedError("ip (iproute2) is not installed", CONFIGURE, errno.ENOENT)
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run([program, "-batch", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"ip refuses: {' '.join(done.stderr.split())}", CONFIGURE, 0)


def _lay_files(libc: ctypes.CDLL, files: Mapping[str, str]) -> list[str]:
    """Lay files over those of the system, in our mount namespace only; return the paths of those there are none of."""
    _call(libc.mount, None, b"/", None, MS_REC | MS_SLAVE, None)
    missing = []
    for path, text in files.items():
        try:
            _lay(libc, text, os.path.realpath(path))
        except FileNotFoundError:
            missing.append(path)
    with suppress(OSError):
        _call(libc.mount, b"/dev/null", NSCD.encode(), None, MS_BIND, None)
    return missing


def _lay(libc: ctypes.CDLL, text: str, path: str) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="packetsim-", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        _call(libc.mount, file.name.encode(), path.encode(), None, MS_BIND, None)


def _become(command: Sequence[str], environment: dict[str, str]) -> int:
    """Become the command; return an exit status when there is no such thing."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and who ignores a signal passes that on
    try:
        os.execvpe(command[0], list(command), environment)
    except OSError as error:
        status, text = start_failure(command[0], error)
        sys.stderr.write(text)
        sys.stderr.flush()
        return status
