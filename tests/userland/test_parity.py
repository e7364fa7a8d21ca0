"""The same functions as real processes on loopback and as programs on simulated hosts print the same."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

import pytest

from sim.lab.network import Network

FOLDER = Path(__file__).parent / "parity"
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("certificate", "loopback", "outcome"))
PORT = 47113
PRIVILEGED = ("raw",)
"""Files whose real processes need root: they run in a network namespace of their own, where everybody may ping."""
NAMESPACE = ["unshare", "--net", "sh", "-ec", 'ip link set lo up; echo "0 2147483647" >$0; exec "$@"']
PING_GROUPS = "/proc/sys/net/ipv4/ping_group_range"
BEGIN = 100_000_000  # ns; when the client starts
END = 600_000_000_000
ATTEMPTS = 3
"""Real processes on a busy machine may be late: so often they are asked."""


def module_of(file: str) -> ModuleType:
    return importlib.import_module(f"tests.userland.parity.{file}")


def cases() -> list[Any]:
    found = []
    for file in FILES:
        marks = [pytest.mark.root] if file in PRIVILEGED else []
        for name in vars(module_of(file)):
            case, _, role = name.rpartition("_")
            if role in ("server", "alone"):
                found.append(pytest.param(file, case, marks=marks))
    return found


@cache
def certificates() -> str:
    """A folder with certificates and keys of `web` and `other`, each signed by itself."""
    folder = mkdtemp(prefix="parity-")
    atexit.register(shutil.rmtree, folder)
    for name in ("web", "other"):
        made = f"req -x509 -newkey ed25519 -nodes -days 3650 -subj /CN={name} -addext subjectAltName=DNS:{name}"
        files = f"-keyout {folder}/{name}.key -out {folder}/{name}.pem"
        subprocess.run(["openssl", *made.split(), *files.split()], check=True, capture_output=True)
    return folder


@cache
def on_loopback(file: str) -> dict[str, dict[str, list[str]]]:
    """What all cases of a file print on this machine."""
    command = [sys.executable, "-W", "ignore", str(FOLDER / "loopback.py"), file]
    if file in PRIVILEGED:
        command = [*NAMESPACE, PING_GROUPS, *command]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TZ": "UTC"}
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return found


def simulated(file: str, case: str) -> dict[str, list[str]]:
    """What it prints on two hosts."""
    module = module_of(file)
    if file == "tls":
        module.__dict__["FOLDER"] = certificates()
    net = Network(seed=5)
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, bandwidth="100Mbps", delay="1ms")
    if hasattr(module, f"{case}_alone"):
        started = {"alone": a.spawn(getattr(module, f"{case}_alone"), "127.0.0.1", PORT)}
    else:
        started = {"server": b.spawn(getattr(module, f"{case}_server"), "10.0.0.2", PORT, lambda: None)}
        net.run(until=BEGIN)
        started["client"] = a.spawn(getattr(module, f"{case}_client"), "10.0.0.2", PORT)
    net.run(until=END)
    found = {}
    for role, process in started.items():
        ended = [] if process.exit_code == 0 else [f"ended with {process.exit_code}", process.stderr]
        ended += [] if process.done else [process.whereabouts()]
        text = process.stdout.replace(str(PORT), "PORT")
        for address in ("10.0.0.1", "10.0.0.2", "127.0.0.1"):
            text = text.replace(address, "HOST")
        found[role] = text.splitlines() + ended
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the oracle is Linux")
@pytest.mark.parametrize(("file", "case"), cases(), ids=lambda value: value)
def test_prints_the_same(file: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if file == "tls":
        if not shutil.which("openssl"):
            pytest.skip("the certificates are made with openssl")
        monkeypatch.setenv("PARITY_CERTIFICATES", certificates())
    if file in PRIVILEGED and (os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip")):
        pytest.skip("a network namespace takes root, unshare (util-linux) and ip (iproute2)")
    ours = simulated(file, case)
    for _ in range(ATTEMPTS - 1):
        if on_loopback(file)[case] == ours:
            return
        on_loopback.cache_clear()
    for role, lines in on_loopback(file)[case].items():
        assert "\n".join(ours[role]) == "\n".join(lines), role
