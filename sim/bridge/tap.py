"""TAP devices of Linux: the kernel's own IP stack becomes a node of the network (`segments.TapDoor`).

A frame that is written to the device is received by the kernel as from a network card; one that the kernel sends is
read from it. The device is opened without a virtio header (IFF_VNET_HDR), so it offers no offloads: the kernel fills in
every checksum and segments by itself, and what is on the link is what a cable would carry. See the kernel's
Documentation/networking/tuntap.rst.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from sim.errors import SimError

TUN_DEVICE: Final = "/dev/net/tun"
NAMESPACES: Final = "/run/netns"
TUNSETIFF: Final = 0x400454CA  # <linux/if_tun.h>; _IOW('T', 202, int), as are the next
TUNSETCARRIER: Final = 0x400454E2
SIOCGIFHWADDR: Final = 0x8927
IFF_TAP: Final = 0x0002
IFF_NO_PI: Final = 0x1000  # no four bytes of packet information before each frame
CLONE_NEWNET: Final = 0x40000000
INTERFACE_REQUEST: Final = struct.Struct("16sH22x")  # struct ifreq with its flags
NAME_LIMIT: Final = 15  # IFNAMSIZ, less the zero byte at its end
LARGEST_FRAME: Final = 65536 + 18  # the largest MTU that a TAP device takes, and more than its header
BATCH: Final = 64
"""Frames read in one go, so that a sender who never rests does not keep the pacer from everything else."""
T = TypeVar("T")


class TapError(SimError):
    """A TAP device, or the namespace it should be in, cannot be had; the text says why."""


class Tap:
    """An open TAP device called `name`, with the MAC address of the kernel's end of it. It is gone once closed."""

    def __init__(self, descriptor: int, name: str, mac: bytes) -> None:
        self.name = name
        self.mac = mac
        self._descriptor = descriptor

    @classmethod
    def open(cls, name: str, netns: str | None = None) -> Tap:
        """Make a TAP device in the named network namespace (None: the one we are in).

        `netns` is a name as `ip netns` knows it, or a path such as "/proc/1234/ns/net". The device has no address and
        is down. Needs Linux and root (CAP_NET_ADMIN); raises TapError.
        """
        if sys.platform != "linux":
            raise TapError(f"TAP devices are a matter of Linux, this is {sys.platform}")
        if not 0 < len(name.encode()) <= NAME_LIMIT or "/" in name or any(map(str.isspace, name)):
            raise TapError(f"{name!r} is no name for an interface: 1 to {NAME_LIMIT} bytes, no slash, no space")
        try:
            return cls(*(_make(name) if netns is None else run_in_namespace(netns, lambda: _make(name))))
        except OSError as error:
            raise TapError(f"cannot make the TAP device {name}: {_explain(error)}") from None

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bytes | None:
        """A frame that the kernel sent, None when there is none. Raises TapError when the device is gone."""
        try:
            return os.read(self._descriptor, LARGEST_FRAME)
        except BlockingIOError:
            return None
        except OSError as error:
            raise TapError(f"the TAP device {self.name} is gone: {_explain(error)}") from None

    def write(self, frame: bytes) -> None:
        """Let the kernel receive a frame. Raises OSError: EIO while its interface is down, EINVAL under 14 bytes."""
        os.write(self._descriptor, frame)

    def set_carrier(self, up: bool) -> None:
        """Plug the kernel's end in, or pull it out: its interface shows NO-CARRIER. An old kernel does not notice."""
        import fcntl

        if self._descriptor < 0:
            return
        try:
            fcntl.ioctl(self._descriptor, TUNSETCARRIER, struct.pack("i", up))
        except OSError as error:
            if error.errno != errno.EINVAL:  # before Linux 5.0
                raise TapError(f"the TAP device {self.name} is gone: {_explain(error)}") from None

    def close(self) -> None:
        """Give the device back; the kernel removes its interface."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def run_in_namespace(netns: str, action: Callable[[], T]) -> T:
    """What `action()` returns or raises, called inside a network namespace (see `Tap.open`). Raises TapError, OSError.

    What it opens there stays there: a socket belongs to the namespace it was made in. It runs in a thread of its own,
    since a thread's namespace is its own affair and ends with it: nothing has to be put back.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            _enter_namespace(netns)
            results.append(action())
        except BaseException as error:  # carried over to the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, name=f"netns {netns}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _enter_namespace(netns: str) -> None:
    """Move the calling thread into a network namespace. os.setns came only with Python 3.12."""
    if sys.platform != "linux":
        raise TapError(f"network namespaces are a matter of Linux, this is {sys.platform}")
    try:
        descriptor = os.open(netns if "/" in netns else f"{NAMESPACES}/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise TapError(f"there is no network namespace {netns!r}: `ip netns add {netns}` makes it") from None
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


def _make(name: str) -> tuple[int, str, bytes]:
    """Make a TAP device in the namespace of the calling thread: its descriptor (non-blocking), name and MAC address."""
    import fcntl

    descriptor = os.open(TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        request = INTERFACE_REQUEST.pack(name.encode(), IFF_TAP | IFF_NO_PI)
        given, _ = INTERFACE_REQUEST.unpack(fcntl.ioctl(descriptor, TUNSETIFF, request))
        answer = fcntl.ioctl(descriptor, SIOCGIFHWADDR, bytes(INTERFACE_REQUEST.size))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, given.rstrip(b"\0").decode(), answer[18:24]  # after the name and the address family


def _explain(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no {TUN_DEVICE}; `modprobe tun` may bring it"
    if isinstance(error, PermissionError):
        return "it takes root (CAP_NET_ADMIN)"
    if error.errno == errno.EBUSY:
        return "the name is taken"
    return (error.strerror or str(error)).lower()
