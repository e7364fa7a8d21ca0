"""A process in namespaces of its own, and the host whose place it takes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sim.bridge import modes, namespace
from sim.bridge.execution import Execution, environment_of, host_called, prepare
from sim.bridge.host_settings import hosts_text, nsswitch_text, setup_lines, tap_names
from sim.bridge.namespace import Layout, Namespace, RefusedError
from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from tests.bridge import iperf
from tests.bridge.conftest import why_not

rooted = pytest.mark.root
PATIENCE = 20


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def clean() -> Iterator[None]:
    """Skips the test where there are no namespaces, and sees to it that nothing is left of them."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    before = open_files()
    yield
    assert open_files() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def run(layout: Layout, *command: str, user: bool = False) -> tuple[int, str]:
    """The exit status and the output of a command in a namespace."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
        made = Namespace.open(layout, ["sh", "-c", 'exec "$@" >"$0" 2>&1', file.name, *command], user=user)
        try:
            made.go()
            return made.wait(), file.read()
        finally:
            made.close()


@rooted
@pytest.mark.usefixtures("clean")
class TestNamespace:
    @pytest.mark.parametrize("user", [False, True])
    def test_it_has_its_own_interfaces_and_names(self, user: bool) -> None:
        if user and not modes.modes()[1].available:
            pytest.skip("this system allows no user namespaces")
        layout = Layout(
            "box", ("eth0", "lan"), ("link set lo up", "address add 10.0.0.1/24 dev lan", "link set lan up")
        )
        status, output = run(layout, "ip", "-j", "address", user=user)
        assert status == 0
        assert [one["ifname"] for one in json.loads(output)] == ["lo", "eth0", "lan"]
        assert run(layout, "hostname", user=user) == (0, "box\n")
        assert "box" not in os.uname().nodename

    def test_files_are_laid_over_those_of_the_system(self, tmp_path: Path) -> None:
        files = {"/etc/hosts": "10.0.0.1 somebody\n", str(tmp_path / "missing"): ""}
        before = Path("/etc/hosts").read_bytes()
        assert run(Layout(files=files), "cat", "/etc/hosts") == (0, "10.0.0.1 somebody\n")
        assert Path("/etc/hosts").read_bytes() == before
        made = Namespace.open(Layout(files=files))
        made.close()
        assert made.missing == [str(tmp_path / "missing")]

    def test_who_was_never_told_to_go_goes_home(self, tmp_path: Path) -> None:
        made = Namespace.open(Layout(taps=("eth0",)), ["touch", str(tmp_path / "ran")])
        assert not select.select([made], [], [], 0)[0]
        made.close()
        assert not (tmp_path / "ran").exists()
        made.close()

    def test_a_signal_ends_it(self) -> None:
        made = Namespace.open(Layout(), ["tail", "-f", "/dev/null"])
        made.go()
        made.signal(signal.SIGTERM)
        assert select.select([made], [], [], PATIENCE)[0]
        assert made.wait() == made.wait() == 128 + signal.SIGTERM
        made.signal(signal.SIGTERM)
        made.close()

    def test_no_descriptor_and_no_signal_is_passed_on(self) -> None:
        """What Python ignores is not ignored by the command; what it has open is closed there."""
        script = "grep SigIgn /proc/self/status; ls /proc/self/fd"
        status, output = run(Layout(taps=("eth0",)), "sh", "-c", script)
        ignored, *files = output.split()[1:]
        assert status == 0
        assert int(ignored, 16) & (1 << signal.SIGPIPE - 1) == 0
        given = subprocess.run(["sh", "-c", "ls /proc/self/fd"], close_fds=False, stdout=subprocess.PIPE, check=True)
        assert files == given.stdout.decode().split()

    def test_what_ip_refuses_is_told(self) -> None:
        with pytest.raises(RefusedError, match=r"^ip refuses: .*nosuch") as caught:
            Namespace.open(Layout(setup=("link set nosuch up",)))
        assert caught.value.step == namespace.CONFIGURE

    def test_a_name_that_no_interface_can_have(self) -> None:
        with pytest.raises(RefusedError, match="no name for an interface"):
            Namespace.open(Layout(taps=("a b",)))

    def test_iperf3_against_a_simulated_server(self) -> None:
        net = lab()
        server = iperf.serve(host_called(net, "h2"))
        assert execute(net, "h1", ["sh", "-c", "iperf3 -c h2 -n 4M >/dev/null"]) == 0
        assert server.result().other_bytes() == 4 * 1024 * 1024
        assert server.result().bytes > 1024 * 1024  # it does not wait for what is on its way at the end

    def test_what_is_dropped_while_the_interface_is_down(self) -> None:
        net = lab()
        probe = net.probe("p")
        net.link(probe, "sw")
        for count in range(50):  # broadcast every 10 ms, all the while
            probe.inject(b"\xff" * 6 + b"\x02\0\0\0\0\x99" + b"\x88\xb5" + bytes(46), at=f"{count * 10}ms")
        waiting = "ip link set eth0 down; sleep 0.1; ip link set eth0 up"
        assert execute(net, "h1", ["sh", "-c", waiting]) == 0
        assert net["h1"].drops()["interface down"] > 0


def lab() -> Network:
    """h1 - sw - h2."""
    net = Network()
    net.host("h1", "10.0.0.1/24")
    net.host("h2", "10.0.0.2/24")
    net.switch("sw")
    for name in ("h1", "h2"):
        net.link(name, "sw", bandwidth="1Gbps", delay="10us")
    return net


def execute(net: Network, name: str, command: Sequence[str]) -> int:
    host = host_called(net, name)
    _, made = modes.open_namespace(prepare(net, host), [*command], environment_of(net))
    return Execution(net, host, made).run()


class TestSettings:
    def test_interfaces_keep_their_names_where_linux_can(self) -> None:
        host = Network().host("h", interfaces={"eth0": (), "a-name-of-18-bytes": (), "lo": (), "wan": ()})
        assert tap_names(host) == {0: "eth0", 1: "eth1", 2: "eth2", 3: "wan"}

    def test_addresses_routes_and_neighbours(self) -> None:
        net = Network()
        host = net.host("h", interfaces={"a": ["10.0.0.1/24", "10.0.0.3/24"], "b": "10.1.0.0/31"}, gateway="10.0.0.254")
        net.add_route(host, "10.9.0.0/16", ["10.0.0.2", "10.1.0.1"])
        net.add_route(host, "10.9.0.0/16", "10.0.0.2", metric=5)
        net.add_route(host, "10.8.0.0/16", None, dev="b")
        host.stack.neighbours(host.interface("a")).set_permanent(bytes([10, 0, 0, 2]), b"\x02\0\0\0\0\x22")
        assert list(setup_lines(host, tap_names(host))) == [
            "link set dev a address 02:00:00:00:00:01 mtu 1500 up",
            "address add 10.0.0.1/24 broadcast + dev a",
            "address add 10.0.0.3/24 broadcast + dev a",
            "neigh replace 10.0.0.2 lladdr 02:00:00:00:00:22 dev a nud permanent",
            "link set dev b address 02:00:00:00:00:02 mtu 1500 up",
            "address add 10.1.0.0/31 dev b",
            "route add 10.8.0.0/16 dev b",
            "route add 10.9.0.0/16 nexthop via 10.0.0.2 dev a nexthop via 10.1.0.1 dev b",
            "route add 10.9.0.0/16 metric 5 via 10.0.0.2 dev a",
            "route add 0.0.0.0/0 via 10.0.0.254 dev a",
        ]

    @rooted
    @pytest.mark.usefixtures("clean")
    def test_linux_takes_them(self) -> None:
        net = Network()
        host = net.host("h", interfaces={"a": ["10.0.0.1/24", "10.0.0.3/24"], "b": "10.1.0.0/31"}, gateway="10.0.0.254")
        net.add_route(host, "10.9.0.0/16", ["10.0.0.2", "10.1.0.1"])
        net.add_route(host, "10.8.0.0/16", None, dev="b")
        _, output = run(prepare(net, host), "ip", "-o", "route")
        lines = [line.split("proto kernel")[0].strip() for line in output.replace("\\", " ").splitlines()]
        assert "default via 10.0.0.254 dev a" in lines
        assert "10.8.0.0/16 dev b scope link" in lines
        assert any(line.startswith("10.9.0.0/16 ") and line.count("nexthop") == 2 for line in lines)

    def test_names(self) -> None:
        net = lab()
        net.router("r", {"lan": "10.0.0.254/24", "wan": "10.9.0.1/24"})
        host = net["h2"]
        assert isinstance(host, LabHost)
        host.resolver.hosts["printer"] = ["10.0.0.99"]
        assert hosts_text(net, host).splitlines() == [
            "127.0.0.1\tlocalhost",
            "10.0.0.99\tprinter",
            "10.0.0.2\th2 h2:eth0",
            "10.0.0.1\th1 h1:eth0",
            "10.0.0.254\tr r:lan",
            "10.9.0.1\tr:wan",
        ]

    def test_names_come_from_nobody_else(self, tmp_path: Path) -> None:
        path = tmp_path / "nsswitch.conf"
        assert nsswitch_text(path) is None
        path.write_text("passwd: files\nhosts: mymachines mdns4 resolve files\n", encoding="utf-8")
        assert nsswitch_text(path) == "passwd: files\nhosts: files dns\n"
        path.write_text("hosts:   files  dns\n", encoding="utf-8")
        assert nsswitch_text(path) is None

    def test_only_hosts(self) -> None:
        with pytest.raises(TopologyError, match="sw is a switch: real programs run on hosts"):
            host_called(lab(), "sw")

    def test_proxies_of_the_real_network_are_forgotten(self) -> None:
        given = {"HTTP_PROXY": "a", "https_proxy": "b", "PATH": "/bin"}
        assert environment_of(lab(), given) == {"PATH": "/bin"}


class TestModes:
    def test_another_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        told = {mode.name: mode.why_not for mode in modes.modes()}
        assert told["root namespace"] == "namespaces are a matter of Linux, this is darwin"
        assert told["root namespace"] == told["user namespace"]

    @pytest.mark.parametrize(
        ("file", "value", "remedy"),
        [
            ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
            ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
        ],
    )
    def test_the_setting_that_forbids_it_is_named(self, tmp_path: Path, file: str, value: str, remedy: str) -> None:
        path = tmp_path / file
        path.parent.mkdir()
        path.write_text(value + "\n", encoding="ascii")
        assert modes.forbidden_by(tmp_path).endswith(remedy)
        path.write_text("5\n", encoding="ascii")
        assert remedy not in modes.forbidden_by(tmp_path)
