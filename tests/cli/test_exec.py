"""`sim exec`: real programs of this system in the place of a host, run as a user runs them."""

from __future__ import annotations

import itertools
import json
import os
import pty
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest
from typer.testing import CliRunner

from sim.cli import main as cli
from tests.bridge.conftest import why_not

ROOT = Path(__file__).parents[2]
PATIENCE = 20  # seconds of wall clock: a program that takes longer hangs
NUMBERS = itertools.count(1)

LAB = """\
name: lab
seed: 3
defaults: {link: {bandwidth: 1Gbps, delay: 10us}}
nodes:
  pc1:
    kind: host
    ip: 192.168.1.10/24
    gateway: 192.168.1.1
    mac: 02:00:00:00:01:10
    mtu: 1400
    dns: 203.0.113.53
    search: corp.test
    hosts: {printer.lan: 192.168.1.99}
    services: [{http: {body: simulated}}]
  pc2: {kind: host, ip: 192.168.1.11/24, gateway: 192.168.1.1}
  sw1: {kind: switch}
  gw: {kind: gateway, interfaces: {inside: 192.168.1.1/24, outside: 203.0.113.1/24}}
  sw2: {kind: switch}
  ns: {kind: dns, ip: 203.0.113.53/24, gateway: 203.0.113.1, records: {web.corp.test: 203.0.113.80}}
  web: {kind: host, ip: 203.0.113.80/24, gateway: 203.0.113.1, services: [{http: {body: hello}}]}
links:
  - [pc1, sw1]
  - [pc2, sw1]
  - ["gw:inside", sw1]
  - ["gw:outside", sw2]
  - [ns, sw2]
  - {endpoints: [web, sw2], delay: 10ms}
"""

rooted = pytest.mark.root
slow = pytest.mark.slow

Exec = Callable[..., "subprocess.CompletedProcess[str]"]


class Lab:
    """A topology's file, and a folder for temporary files in which nothing may be left."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "lab.yaml"
        self.file.write_text(LAB, encoding="utf-8")
        self.scratch = folder / "scratch"
        self.scratch.mkdir(mode=0o777)
        self.scratch.chmod(0o777)
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.scratch),
            "LC_ALL": "C",
            "http_proxy": "http://203.0.113.99:3128",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "sim", "exec", *arguments]

    def run(
        self, *program: str, host: str = "pc1", options: Sequence[str] = (), prefix: Sequence[str] = (), **named: Any
    ) -> subprocess.CompletedProcess[str]:
        """`sim exec` of a program to its end."""
        if program and shutil.which(program[0]) is None and program[0] != "nosuch":
            pytest.skip(f"{program[0]} is not installed")
        command = [*prefix, *self.command(*options, str(self.file), host, "--", *program)]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=PATIENCE, check=False, **named
        )

    @contextmanager
    def started(self, *program: str, **named: Any) -> Iterator[subprocess.Popen[str]]:
        """`sim exec` of a program in a process group of its own, which ends with the `with`."""
        started = subprocess.Popen(
            self.command(str(self.file), "pc1", "--", *program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            process_group=0,
            **named,
        )
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.communicate()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    made = Lab(tmp_path)
    interfaces = set(os.listdir("/sys/class/net"))
    yield made
    assert set(os.listdir("/sys/class/net")) == interfaces
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    assert [line for line in mounts if str(made.scratch) in line] == []
    assert os.listdir(made.scratch) == []


def line_with(stream: IO[str] | None, text: str) -> str:
    """The first line of a stream that holds `text`."""
    assert stream is not None
    return next(line for line in stream if text in line)


def free_ports(count: int) -> list[int]:
    """Ports of UDP on loopback that nobody has."""
    with ExitStack() as stack:
        made = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for each in made:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in made]


def sim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.build(), ["exec", *arguments], prog_name="sim")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


class TestUsage:
    @pytest.mark.parametrize("arguments", [[], ["lab.yaml"], ["lab.yaml", "pc1"], ["lab.yaml", "pc1", "--"]])
    def test_what_is_missing_is_asked_for(self, arguments: list[str]) -> None:
        status, _, err = sim(*arguments)
        assert status == 2
        assert "sim exec lab.yaml pc1 -- curl" in err

    def test_a_way_that_there_is_not(self) -> None:
        status, _, err = sim("--mode", "magic", "lab.yaml", "pc1", "--", "true")
        assert status == 2
        assert "magic is no way: they are root, user, proxy" in err

    def test_only_a_host_can_be_replaced(self, tmp_path: Path) -> None:
        file = tmp_path / "lab.yaml"
        file.write_text(LAB, encoding="utf-8")
        assert sim(str(file), "gw", "--", "true") == (
            2,
            "",
            "error: gw is a gateway: real programs run on hosts\nhint: hosts are pc1, pc2, ns, web\n",
        )
        status, _, err = sim(str(file), "pc", "--", "true")
        assert (status, "did you mean" in err) == (2, True)


@rooted
@slow
class TestPrograms:
    def test_its_interface_is_the_hosts(self, lab: Lab) -> None:
        done = lab.run("ip", "-j", "address")
        loopback, eth0 = json.loads(done.stdout)
        assert loopback["operstate"] == "UNKNOWN"
        assert "UP" in loopback["flags"]
        assert (eth0["ifname"], eth0["address"], eth0["mtu"]) == ("eth0", "02:00:00:00:01:10", 1400)
        assert [(one["local"], one["prefixlen"]) for one in eth0["addr_info"]] == [("192.168.1.10", 24)]
        assert lab.run("ip", "route").stdout.splitlines() == [
            "default via 192.168.1.1 dev eth0 ",
            "192.168.1.0/24 dev eth0 proto kernel scope link src 192.168.1.10 ",
        ]
        assert done.stderr == "note: pc1's own services do not run, ip has its place: http\n"

    def test_its_names_are_the_hosts(self, lab: Lab) -> None:
        before = Path("/etc/hosts").read_bytes()
        done = lab.run("sh", "-c", "hostname; cat /etc/resolv.conf /etc/hosts; getent hosts printer.lan; env")
        assert done.stdout.startswith("pc1\nnameserver 203.0.113.53\nsearch corp.test\n127.0.0.1\tlocalhost\n")
        assert "203.0.113.1\tgw:outside\n" in done.stdout
        assert "192.168.1.99    printer.lan\n" in done.stdout
        assert "3128" not in done.stdout
        assert Path("/etc/hosts").read_bytes() == before

    def test_curl_through_a_gateway(self, lab: Lab) -> None:
        assert lab.run("curl", "-sS", "http://web/").stdout == "hello"
        assert lab.run("curl", "-sS", "http://web.corp.test/").stdout == "hello"

    def test_curl_trusts_the_networks_authority(self, lab: Lab) -> None:
        lab.file.write_text(LAB.replace("{http: {body: hello}}", "{https: {body: safe}}"), encoding="utf-8")
        assert lab.run("curl", "-sS", "https://web/").stdout == "safe"

    def test_dig_asks_the_simulated_server(self, lab: Lab) -> None:
        done = lab.run("dig", "+search", "web")
        assert "web.corp.test.\t\t" in done.stdout
        assert "203.0.113.80\n" in done.stdout
        assert "SERVER: 203.0.113.53#53" in done.stdout

    def test_ping_and_its_delay(self, lab: Lab) -> None:
        done = lab.run("ping", "-c", "3", "-i", "0.2", "web")
        assert " 0% packet loss" in done.stdout
        assert 20 <= float(done.stdout.split("min/avg/max/mdev = ")[1].split("/")[0]) < 25
        assert lab.run("ping", "-c", "1", "-W", "1", "192.168.1.77").returncode == 1

    def test_traceroute_names_the_routers(self, lab: Lab) -> None:
        hops = lab.run("traceroute", "-N", "1", "-q", "1", "web").stdout.splitlines()[1:]
        assert [hop.split()[1] for hop in hops] == ["gw", "web"]

    def test_a_real_server_and_a_simulated_client(self, lab: Lab, tmp_path: Path) -> None:
        """The client keeps asking until the server has started; Ctrl-C ends that."""
        (tmp_path / "client.py").write_text(
            "import time, urllib.request\n"
            "while True:\n"
            "    try:\n"
            "        body = urllib.request.urlopen('http://pc1:8000/page').read()\n"
            "        break\n"
            "    except OSError:\n"
            "        time.sleep(0.02)\n"
            "urllib.request.urlopen('http://pc1:8000/got-' + body.decode())\n",
            encoding="utf-8",
        )
        lab.file.write_text(
            LAB.replace("192.168.1.11/24,", "192.168.1.11/24, services: [{program: {run: client.py}}],"),
            encoding="utf-8",
        )
        (tmp_path / "page").write_text("real", encoding="utf-8")
        (tmp_path / "got-real").write_text("", encoding="utf-8")
        with lab.started("/usr/bin/python3", "-u", "-m", "http.server", "8000", cwd=tmp_path) as started:
            assert line_with(started.stderr, "got-real").startswith("192.168.1.11 ")
            os.killpg(started.pid, signal.SIGINT)
            out, _ = started.communicate(timeout=PATIENCE)
            assert "Keyboard interrupt received" in out
            assert started.returncode == 0

    def test_iperf3_on_both_sides_of_a_tunnel(self, lab: Lab) -> None:
        """Two simulators, each with a real program in it, that share a segment."""
        if shutil.which("iperf3") is None:
            pytest.skip("iperf3 is not installed")
        one, other = free_ports(2)
        nodes = "  {}: {{kind: host, ip: {}}}\n  away: {{kind: vxlan, vni: 7, local: {}, remote: {}}}\n"
        tunnel = f"name: tunnel\nnodes:\n{nodes}"
        ends = f"'127.0.0.1:{one}'", f"'127.0.0.1:{other}'"
        lab.file.write_text(tunnel.format("pc1", "10.0.0.1/24", *ends) + "links: [[pc1, away]]\n", encoding="utf-8")
        with lab.started("sh", "-c", "exec stdbuf -oL iperf3 -s -1") as server:
            line_with(server.stdout, "Server listening")
            text = tunnel.format("pc2", "10.0.0.2/24", *reversed(ends)) + "links: [[pc2, away]]\n"
            lab.file.write_text(text, encoding="utf-8")
            done = lab.run("iperf3", "-c", "10.0.0.1", "-n", "4M", "-J", host="pc2")
            end = json.loads(done.stdout)["end"]
            assert end["sum_sent"]["bytes"] >= 4_000_000
            assert end["sum_received"]["bytes"] >= 1_000_000  # it does not wait for what is on its way at the end
            server.communicate(timeout=PATIENCE)
            assert server.returncode == 0

    def test_a_way_out_that_cannot_be_opened(self, lab: Lab) -> None:
        text = LAB.replace("  sw1: {", "  out: {kind: tap, device: tap0, netns: nosuch}\n  sw1: {")
        lab.file.write_text(text.replace("links:", "links:\n  - [out, sw1]"), encoding="utf-8")
        done = lab.run("true")
        assert done.returncode == 2
        assert "there is no network namespace 'nosuch'" in done.stderr
        assert f"{lab.file}:" in done.stderr

    def test_a_lease_comes_first(self, lab: Lab) -> None:
        text = LAB.replace("ip: 192.168.1.11/24, gateway: 192.168.1.1", "ip: dhcp")
        server = "outside: 203.0.113.1/24}, services: [{dhcp: {pool: 192.168.1.200-192.168.1.210}}]"
        lab.file.write_text(text.replace("outside: 203.0.113.1/24}", server), encoding="utf-8")
        done = lab.run("sh", "-c", "ip route; ping -c 1 -W 1 203.0.113.80", host="pc2")
        assert "default via 192.168.1.1 dev eth0" in done.stdout
        assert "src 192.168.1.200" in done.stdout
        assert done.returncode == 0
        lab.file.write_text(text, encoding="utf-8")
        done = lab.run("ip", "route", host="pc2")
        assert (done.returncode, done.stdout) == (0, "")
        assert "pc2:eth0 has no lease" in done.stderr


@rooted
@slow
class TestProcess:
    @pytest.mark.parametrize(
        ("program", "status"),
        [
            (["true"], 0),
            (["sh", "-c", "exit 7"], 7),
            (["sh", "-c", "kill -KILL $$"], 137),
            (["nosuch"], 127),
            (["/etc"], 126),
        ],
    )
    def test_its_status_is_ours(self, lab: Lab, program: list[str], status: int) -> None:
        done = lab.run(*program) if program != ["/etc"] else lab.run("env", "/etc")
        assert done.returncode == status
        assert "Traceback" not in done.stderr

    def test_what_is_not_there(self, lab: Lab) -> None:
        assert lab.run("nosuch").stderr.splitlines()[-1] == "sim exec: nosuch: no such file or directory"

    def test_its_input_and_output_are_ours(self, lab: Lab) -> None:
        text = "".join(f"line {number}\n" for number in range(50_000))
        done = lab.run("sh", "-c", "echo aside >&2; cat", input=text)
        assert done.stdout == text
        assert done.stderr.endswith("aside\n")

    def test_ctrl_c_on_a_terminal_goes_to_the_program(self, lab: Lab) -> None:
        program = "trap 'echo caught; exit 5' INT; test -t 0 && echo ready; while :; do read line; done"
        pid, terminal = pty.fork()
        if pid == 0:
            command = lab.command(str(lab.file), "pc1", "--", "sh", "-c", program)
            os.execve(command[0], command, lab.environment)
        read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        read_until(terminal, b"caught")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
        os.close(terminal)

    def test_sigterm_is_passed_on(self, lab: Lab) -> None:
        with lab.started(
            "sh", "-c", "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
        ) as started:
            line_with(started.stdout, "ready")
            os.kill(started.pid, signal.SIGTERM)
            assert started.communicate(timeout=PATIENCE)[0] == "asked\n"
            assert started.returncode == 3

    def test_killed_it_takes_the_program_with_it(self, lab: Lab) -> None:
        with lab.started("sh", "-c", "readlink /proc/self/ns/net; echo $$; exec tail -f /dev/null") as started:
            assert started.stdout is not None
            space, number = started.stdout.readline().strip(), int(started.stdout.readline())
            assert space in spaces()
            program = os.pidfd_open(number)
            started.kill()
            assert select.select([program], [], [], PATIENCE)[0]
            os.close(program)
            started.communicate()
            assert space not in spaces()

    def test_no_mount_comes_back_where_mounts_are_shared(self, lab: Lab) -> None:
        """As they are under systemd: there a bind mount shows in every namespace, unless that is forbidden."""
        count = ["grep", "-c", "packetsim-.* /etc/", "/proc/self/mountinfo"]
        prefix = ["unshare", "--mount", "--propagation", "shared", "sh", "-c", f'"$@"; {shlex.join(count)}', "sh"]
        inside, outside = map(int, lab.run(*count, prefix=prefix).stdout.split())
        assert inside >= 2  # hosts and resolv.conf
        assert outside == 0

    def test_an_interface_deleted_from_inside(self, lab: Lab) -> None:
        assert lab.run("sh", "-c", "ip link delete eth0 && ! ping -c 1 -W 1 web").returncode == 0

    def test_out_writes_what_a_run_writes(self, lab: Lab, tmp_path: Path) -> None:
        done = lab.run("curl", "-sS", "http://web/", options=["--seed", "9", "--out", str(tmp_path / "out")])
        assert done.stdout == "hello"
        report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
        assert (report["host"], report["command"], report["exit"]) == ("pc1", ["curl", "-sS", "http://web/"], 0)
        assert (report["seed"], report["mode"]) == (9, "root namespace")
        if shutil.which("tshark") is None:
            pytest.skip("tshark is not installed")
        shown = ["tshark", "-r", str(tmp_path / "out/pc1-eth0.pcap"), "-Y", "http", "-T", "fields"]
        told = subprocess.run(
            [*shown, "-e", "eth.src", "-e", "ip.src", "-e", "http.response.code"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        assert told[0] == "02:00:00:00:01:10\t192.168.1.10\t"
        assert told[1].endswith("\t203.0.113.80\t200")


def read_until(terminal: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], PATIENCE)[0], seen
        seen += os.read(terminal, 4096)


def spaces() -> set[str]:
    """The network namespaces in which there are processes."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(path))
        except OSError:
            continue
    return found


class Nobody:
    """Runs a command as nobody, who may read what root may: the interpreter may lie in root's home. `tun` says whether
    they may open /dev/net/tun: a device file of ours lies over it, in a mount namespace that ends with the command."""

    IDENTITY = (
        "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    )

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path

    def prefix(self, tun: bool) -> list[str]:
        folder = self.tmp_path / "dev"
        folder.mkdir(exist_ok=True)
        steps = [
            f"mount -t tmpfs none {folder}",
            f"mknod {folder}/tun c 10 200",
            f"chmod {'666' if tun else '600'} {folder}/tun",
            f"mount --bind {folder}/tun /dev/net/tun",
            f'exec {self.IDENTITY} "$@"',
        ]
        return ["unshare", "--mount", "sh", "-c", " && ".join(steps), "sh"]


@pytest.fixture
def nobody(tmp_path: Path) -> Nobody:
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        pytest.skip("util-linux is not installed")
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    return Nobody(tmp_path)


@rooted
@slow
class TestUnprivileged:
    def test_a_user_namespace_is_enough(self, lab: Lab, nobody: Nobody) -> None:
        probe = subprocess.run(
            [*nobody.prefix(tun=True), *lab.command("--probe", "--json")],
            capture_output=True, text=True, env=lab.environment, check=False,
        )  # fmt: skip
        modes = {mode["mode"]: mode["why_not"] for mode in json.loads(probe.stdout)}
        assert modes["root namespace"] == "no network namespace: operation not permitted"
        if modes["user namespace"] is not None:
            pytest.skip(f"this system allows no user namespaces: {modes['user namespace']}")
        assert probe.returncode == 0
        script = "curl -sS http://web.corp.test/; ping -c 1 web >&2; hostname; id -u; cat /proc/self/uid_map"
        done = lab.run("sh", "-c", script, prefix=nobody.prefix(tun=True))
        assert done.stdout.split() == ["hello", "pc1", "0", "0", "65534", "1"] or done.stdout.startswith(
            "hellopc1\n0\n"
        )
        assert " 0% packet loss" in done.stderr

    def test_where_it_is_not_allowed_it_says_what_is_missing(self, lab: Lab, nobody: Nobody) -> None:
        done = lab.run("true", options=["--mode", "user"], prefix=nobody.prefix(tun=False))
        assert done.returncode == 2
        first, why, hint = done.stderr.splitlines()
        assert first == "error: this system does not allow to run a program as pc1"
        assert why.startswith("user namespace    no   no ")
        assert hint.startswith("                  hint: ")

    def test_where_nothing_is_allowed_there_are_proxies(self, lab: Lab, nobody: Nobody) -> None:
        done = lab.run("curl", "-sS", "http://web.corp.test/", prefix=nobody.prefix(tun=False))
        assert (done.returncode, done.stdout) == (0, "hello")
        lines = done.stderr.splitlines()
        assert lines[0] == ("note: curl cannot take the place of pc1 on this system, proxies lead there instead")
        assert lines[1:3] == [
            "root namespace    no   no network namespace: operation not permitted",
            "                  hint: run it as root",
        ]
        assert lines[3].startswith("user namespace    no   no ")
        assert lines[-2].startswith("note: covered: TCP")
        assert lines[-1].startswith("note: not covered: ping")


@slow
class TestProxies:
    """The way without namespaces, which everybody has."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Lab:
        return Lab(tmp_path)

    def run(self, lab: Lab, *program: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return lab.run(*program, options=["--mode", "proxy", *options])

    def test_curl(self, lab: Lab, tmp_path: Path) -> None:
        """The names are looked up by the simulated host, from which the connections come."""
        out = tmp_path / "out"
        script = 'curl -sS http://web.corp.test/ && curl -sS --proxy "$all_proxy" http://web/'
        done = self.run(lab, "sh", "-c", script, options=["--out", str(out)])
        assert (done.returncode, done.stdout) == (0, "hellohello")
        assert json.loads((out / "report.json").read_text(encoding="utf-8"))["mode"] == "proxy variables"
        seen = (out / "pc1-eth0.pcap").read_bytes()
        assert b"\3web\4corp\4test" in seen
        assert seen.count(b"\r\n\r\nhello") == 2

    def test_python(self, lab: Lab) -> None:
        code = "import urllib.request as r; print(r.urlopen('http://web.corp.test/').read())"
        done = self.run(lab, sys.executable, "-c", code)
        assert done.stdout == "b'hello'\n"

    @pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -KILL $$", 137)])
    def test_its_status_is_ours(self, lab: Lab, script: str, status: int) -> None:
        assert self.run(lab, "sh", "-c", script).returncode == status

    def test_a_program_that_does_not_exist(self, lab: Lab) -> None:
        done = self.run(lab, "nosuch")
        assert done.returncode == 127
        assert done.stderr.splitlines()[-1] == "sim exec: nosuch: no such file or directory"
        assert "Traceback" not in done.stderr


@rooted
class TestProbe:
    def test_of_the_system(self, lab: Lab) -> None:
        status, out, err = sim("--probe")
        assert (status, err) == (0, "")
        assert out.startswith("root namespace    yes\nuser namespace    ")

    def test_of_a_host(self, lab: Lab) -> None:
        assert sim("--probe", str(lab.file), "pc1")[0] == 0
        assert "say which HOST" in sim("--probe", str(lab.file))[2]

    def test_as_data(self, lab: Lab) -> None:
        status, out, _ = sim("--probe", "--json")
        assert status == 0
        assert [mode["mode"] for mode in json.loads(out)] == ["root namespace", "user namespace", "proxy variables"]
