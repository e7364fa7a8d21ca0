"""Whatever the library offers for networks, waiting and threads is held against real processes by a parity script.

A name counts as exercised when a script uses it. Those that none can use stand here, each with its reason.
"""

from __future__ import annotations

import ast
import concurrent.futures
import datetime
import http.client
import queue
import select
import selectors
import socket
import socketserver
import ssl
import threading
import time
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent / "parity"
SUBJECTS: dict[str, Any] = {
    "socket": socket,
    "socket.socket": socket.socket,
    "select": select,
    "select.epoll": getattr(select, "epoll", object),
    "selectors": selectors,
    "selectors.BaseSelector": selectors.BaseSelector,
    "time": time,
    "threading": threading,
    "threading.Thread": threading.Thread,
    "threading.Condition": threading.Condition,
    "threading.Event": threading.Event,
    "threading.Semaphore": threading.Semaphore,
    "threading.Barrier": threading.Barrier,
    "threading.Timer": threading.Timer,
    "queue": queue,
    "queue.Queue": queue.Queue,
    "queue.SimpleQueue": queue.SimpleQueue,
    "concurrent.futures": concurrent.futures,
    "concurrent.futures.Executor": concurrent.futures.Executor,
    "concurrent.futures.Future": concurrent.futures.Future,
    "socketserver": socketserver,
    "socketserver.TCPServer": socketserver.TCPServer,
    "http.client.HTTPConnection": http.client.HTTPConnection,
    "ssl.SSLSocket": ssl.SSLSocket,
    "ssl.MemoryBIO": ssl.MemoryBIO,
    "datetime.datetime": datetime.datetime,
}
CLASS_ONLY = "a class that others are made of or that results are of"
OLD = "an old spelling of another name that is exercised, deprecated"
SYSTEM = "sets the real system's clock or interpreter, which no program here may do: see test_clocks and test_threads"
PURE = "computes, without a clock and without a socket"
WINDOWS = "only Windows has it"
NOT_ON_THIS = "an option of the crypto sockets of the kernel (AF_ALG), which are refused with EAFNOSUPPORT"
EXCEPT: dict[str, str] = {
    "socket.SocketIO": CLASS_ONLY,
    "socket.AddressFamily": CLASS_ONLY,
    "socket.AddressInfo": CLASS_ONLY,
    "socket.MsgFlag": CLASS_ONLY,
    "socket.SocketKind": CLASS_ONLY,
    "socket.SocketType": CLASS_ONLY,
    "socket.socket.sendmsg_afalg": NOT_ON_THIS,
    "ssl.SSLSocket.sendmsg_afalg": NOT_ON_THIS,
    "socket.socket.share": WINDOWS,
    "socket.fromshare": WINDOWS,
    "selectors.BaseSelector": CLASS_ONLY,
    "time.clock_settime": SYSTEM,
    "time.clock_settime_ns": SYSTEM,
    "time.pthread_getcpuclockid": "a clock of a real thread",
    "threading.settrace": SYSTEM,
    "threading.setprofile": SYSTEM,
    "threading.settrace_all_threads": SYSTEM,
    "threading.setprofile_all_threads": SYSTEM,
    "threading.gettrace": SYSTEM,
    "threading.getprofile": SYSTEM,
    "threading.ExceptHookArgs": CLASS_ONLY,
    "threading.activeCount": OLD,
    "threading.currentThread": OLD,
    "threading.Condition.notifyAll": OLD,
    "threading.Event.isSet": OLD,
    "concurrent.futures.Executor": CLASS_ONLY,
    "concurrent.futures.ProcessPoolExecutor": "child processes are refused by name: see test_process",
    "socketserver.BaseServer": CLASS_ONLY,
    "socketserver.ThreadingMixIn": CLASS_ONLY,
    "socketserver.ForkingMixIn": "child processes are refused by name: see test_process",
    "socketserver.ForkingTCPServer": "child processes are refused by name: see test_process",
    "socketserver.ForkingUDPServer": "child processes are refused by name: see test_process",
    "socketserver.ForkingUnixStreamServer": "child processes are refused by name: see test_process",
    "socketserver.ForkingUnixDatagramServer": "child processes are refused by name: see test_process",
    "socketserver.ThreadingUnixDatagramServer": "the two classes that it is made of are exercised",
    "ssl.SSLSocket.selected_npn_protocol": OLD,
    "ssl.SSLSocket.verify_client_post_handshake": "needs a client that agrees to it beforehand; OpenSSL's own affair",
    "http.client.HTTPConnection.set_tunnel": "needs a proxy: see the compatibility table",
    "http.client.HTTPConnection.response_class": CLASS_ONLY,
    "http.client.HTTPConnection.set_debuglevel": PURE,
}
EXCEPT |= {
    f"threading.{kind}.{name}": OLD
    for kind in ("Thread", "Timer")
    for name in ("getName", "setName", "isDaemon", "setDaemon")
}
"""Full name: why no script uses it."""
DATES = ("now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "timestamp", "astimezone")


def public(name: str, subject: Any) -> list[str]:
    """What a module or a class offers: functions, methods and classes, no constants and no exceptions."""
    found = []
    for member in dir(subject):
        value = getattr(subject, member)
        if member.startswith("_") or not callable(value):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        home = getattr(value, "__module__", name)
        known = home in (name, f"_{name}", None, "socket") or member in getattr(subject, "__all__", ())
        if isinstance(subject, ModuleType) and not known:
            continue  # borrowed from another module
        found.append(member)
    return found if name != "datetime.datetime" else [member for member in found if member in DATES]


@cache
def exercised() -> frozenset[str]:
    """All names that the scripts use."""
    names: set[str] = set()
    for path in SCRIPTS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.ClassDef):
                names.update(each.name for each in node.body if isinstance(each, ast.FunctionDef))
    return frozenset(names)


@pytest.mark.parametrize("name", SUBJECTS)
def test_all_of_it_is_exercised(name: str) -> None:
    missing = [
        member
        for member in public(name, SUBJECTS[name])
        if member not in exercised() and f"{name}.{member}" not in EXCEPT
    ]
    assert missing == []


def test_no_exception_is_out_of_date() -> None:
    """What a script exercises after all needs no excuse."""
    for full in EXCEPT:
        assert full.rpartition(".")[2] not in exercised(), full


def test_enough_is_looked_at() -> None:
    assert len(public("socket", socket)) > 30
    assert {"accept", "sendmsg", "recvmsg_into", "detach"} <= set(public("socket.socket", socket.socket))
    assert {"sleep", "monotonic_ns", "localtime"} <= set(public("time", time))
    assert {"Barrier", "local", "get_ident"} <= set(public("threading", threading))
