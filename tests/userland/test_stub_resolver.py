"""The stub resolver: whom it asks, for how long, and what programs are told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from dns.message import Message

import sim
from sim.userland import stub_resolver

SECOND = 1_000_000_000
Play = Callable[[Message], list[Message]]


def answer(query: Message, *addresses: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> list[Message]:
    made = dns.message.make_response(query)
    made.set_rcode(rcode)
    name = query.question[0].name
    if addresses:
        made.answer.append(dns.rrset.from_text(name, 60, "IN", query.question[0].rdtype, *addresses))
    return [made]


class Lan:
    """A host `pc` and servers that answer as they are told; `heard` are the questions with their times (ns)."""

    def __init__(self, *plays: Play | None) -> None:
        self.net = sim.Network(seed=3)
        switch = self.net.switch("sw")
        self.pc = self.net.host("pc", "10.0.0.10/24")
        self.net.link(self.pc, switch)
        self.heard: list[tuple[int, str, str]] = []
        self.by_tcp = 0
        for number, play in enumerate(plays, start=1):
            host = self.net.host(f"ns{number}", f"10.0.0.{number}/24")
            self.net.link(host, switch)
            self.pc.resolver.servers.append(f"10.0.0.{number}")
            if play is not None:
                host.serve(self._server(f"ns{number}", play))

    def _server(self, name: str, play: Play) -> Callable[[], None]:
        def run() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.bind(("", 53))
                while True:
                    data, sender = own.recvfrom(4096)
                    query = dns.message.from_wire(data)
                    self.heard.append((self.net.now, name, query.question[0].name.to_text()))
                    for reply in play(query):
                        own.sendto(reply.to_wire(want_shuffle=False), sender)

        return run

    def run(self, program: Callable[..., Any], *arguments: Any) -> Any:
        return self.pc.run(program, *arguments)

    def asked(self) -> list[str]:
        return [f"{server} {name}" for _, server, name in self.heard]


def good(query: Message) -> list[Message]:
    return answer(query, "10.0.9.1", "10.0.9.2")


def silent(_: Message) -> list[Message]:
    return []


def error_of(program: Callable[..., Any], *arguments: Any) -> tuple[int, str]:
    try:
        program(*arguments)
    except (socket.gaierror, socket.herror) as error:
        return int(error.errno or 0), str(error.strerror)
    raise AssertionError("it was found")


@pytest.mark.parametrize(
    ("count", "seconds"), [(1, [5]), (2, [5, 5]), (3, [5, 3, 6])]
)  # RES_TIMEOUT << ns, shared by the number of servers but for the first
def test_how_long_each_server_is_waited_for(count: int, seconds: list[int]) -> None:
    lan = Lan(*[silent] * count)
    assert lan.run(error_of, socket.gethostbyname, "www.corp.test") == (-3, "Temporary failure in name resolution")
    starts = [time for time, _, _ in lan.heard]
    waits = [round((after - before) / SECOND) for before, after in pairwise(starts)]
    assert waits == (seconds * 2)[:-1]
    assert round((lan.net.now - starts[-1]) / SECOND) == seconds[-1]


def test_more_servers_than_three_are_not_asked() -> None:
    lan = Lan(*[lambda query: answer(query, rcode=dns.rcode.REFUSED)] * 4)
    lan.run(error_of, socket.gethostbyname, "www.corp.test")
    assert {server for _, server, _ in lan.heard} == {"ns1", "ns2", "ns3"}


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
def test_a_server_that_is_no_help_is_passed_over_at_once(rcode: dns.rcode.Rcode) -> None:
    lan = Lan(lambda query: answer(query, rcode=rcode), good)
    assert lan.run(socket.gethostbyname, "www.corp.test") == "10.0.9.1"
    assert lan.asked() == ["ns1 www.corp.test.", "ns2 www.corp.test."]
    assert lan.net.now < SECOND


def test_a_host_without_a_server_says_so_at_once() -> None:
    """Its ICMP error ends the waiting."""
    lan = Lan(None, good)
    assert lan.run(socket.gethostbyname, "www.corp.test") == "10.0.9.1"
    assert lan.net.now < SECOND


@pytest.mark.parametrize(
    ("rcode", "error"),
    [
        (dns.rcode.NXDOMAIN, (-2, "Name or service not known")),
        (dns.rcode.NOERROR, (-5, "No address associated with hostname")),
        (dns.rcode.SERVFAIL, (-3, "Temporary failure in name resolution")),
        (dns.rcode.FORMERR, (-4, "Non-recoverable failure in name resolution")),
    ],
)
def test_errors(rcode: dns.rcode.Rcode, error: tuple[int, str]) -> None:
    lan = Lan(lambda query: answer(query, rcode=rcode))
    assert lan.run(error_of, socket.getaddrinfo, "www.corp.test", 80) == error
    assert lan.run(error_of, socket.gethostbyname, "www.corp.test") == error


def only(*names: str) -> Play:
    def play(query: Message) -> list[Message]:
        known = query.question[0].name.to_text() in names
        return good(query) if known else answer(query, rcode=dns.rcode.NXDOMAIN)

    return play


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("www", ["www.a.test.", "www.b.test.", "www."]),
        ("www.x", ["www.x.", "www.x.a.test.", "www.x.b.test."]),
        ("www.", ["www."]),
        ("www.x.", ["www.x."]),
    ],
)
def test_search_domains(name: str, asked: list[str]) -> None:
    lan = Lan(only())
    lan.pc.resolver.search = ["a.test", "b.test"]
    assert lan.run(error_of, socket.gethostbyname, name)[0] == -2
    assert [name for _, _, name in lan.heard] == asked
    found = Lan(only(asked[-1]))
    found.pc.resolver.search = ["a.test", "b.test"]
    assert found.run(socket.gethostbyname, name) == "10.0.9.1"


def test_the_order_of_what_is_looked_at() -> None:
    lan = Lan(good)
    lan.pc.resolver.hosts = {"mine.test": ["10.0.9.7", "10.0.9.8"], "ns1": ["10.0.9.9"]}
    known = {
        "10.1": "10.0.0.1",
        "localhost": "127.0.0.1",
        "pc": "10.0.0.10",
        "MINE.test": "10.0.9.7",
        "ns1": "10.0.9.9",
    }
    for name, address in {**known, "sw.test": "10.0.9.1"}.items():
        assert lan.run(socket.gethostbyname, name) == address
    assert lan.asked() == ["ns1 sw.test."]
    assert lan.run(socket.gethostbyname_ex, "mine.test") == ("mine.test", [], ["10.0.9.7", "10.0.9.8"])
    assert lan.run(socket.gethostbyaddr, "10.0.9.8") == ("mine.test", [], ["10.0.9.8"])


def test_without_servers_nobody_is_asked() -> None:
    lan = Lan()
    assert lan.run(error_of, socket.gethostbyname, "www.corp.test") == (-2, "Name or service not known")
    assert lan.run(error_of, socket.gethostbyaddr, "10.0.9.1") == (1, "Unknown host")


def with_alias(query: Message) -> list[Message]:
    (made,) = answer(query)
    name = query.question[0].name
    made.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "web.corp.test."))
    made.answer.append(dns.rrset.from_text("web.corp.test.", 60, "IN", "A", "10.0.9.1", "10.0.9.2"))
    return [made]


def test_aliases_and_all_addresses() -> None:
    lan = Lan(with_alias)
    entries = lan.run(socket.getaddrinfo, "www.corp.test", 80, 0, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    assert [(entry[3], entry[4]) for entry in entries] == [("web.corp.test", ("10.0.9.1", 80)), ("", ("10.0.9.2", 80))]
    assert lan.run(socket.gethostbyname_ex, "www.corp.test") == (
        "web.corp.test",
        ["www.corp.test"],
        ["10.0.9.1", "10.0.9.2"],
    )
    assert len(lan.run(socket.getaddrinfo, "www.corp.test", 80)) == 6  # two addresses, three kinds of sockets


def reverse(query: Message) -> list[Message]:
    if query.question[0].name.to_text() == "1.9.0.10.in-addr.arpa.":
        return answer(query, "web.corp.test.", "www.corp.test.")
    return answer(query, rcode=dns.rcode.NXDOMAIN)


def test_names_of_addresses() -> None:
    lan = Lan(reverse)
    assert lan.run(socket.gethostbyaddr, "10.0.9.1") == ("web.corp.test", ["www.corp.test"], ["10.0.9.1"])
    assert lan.run(error_of, socket.gethostbyaddr, "10.0.9.2") == (1, "Unknown host")
    assert lan.run(socket.getnameinfo, ("10.0.9.1", 80), 0) == ("web.corp.test", "http")
    assert lan.run(socket.getnameinfo, ("10.0.9.2", 80), 0) == ("10.0.9.2", "http")
    assert lan.run(error_of, socket.getnameinfo, ("10.0.9.2", 80), socket.NI_NAMEREQD)[0] == -2
    assert lan.run(socket.getnameinfo, ("10.0.9.1", 80), socket.NI_NUMERICHOST)[0] == "10.0.9.1"
    assert lan.run(socket.gethostbyaddr, "10.0.0.1")[0] == "ns1"  # a node of the network
    assert len(lan.heard) == 5


def test_silence_about_an_address() -> None:
    lan = Lan(silent)
    assert lan.run(error_of, socket.gethostbyaddr, "10.0.9.1") == (2, "Host name lookup failure")
    assert lan.run(error_of, socket.getnameinfo, ("10.0.9.1", 80), 0)[0] == -3


@pytest.mark.parametrize("wrong", ["id", "question", "no response"])
def test_what_is_no_reply_is_left_aside(wrong: str) -> None:
    def play(query: Message) -> list[Message]:
        (bad,) = answer(query, "6.6.6.6")
        if wrong == "id":
            bad.id ^= 1
        elif wrong == "question":
            (bad,) = answer(dns.message.make_query("www.other.test", "A", id=query.id), "6.6.6.6")
        else:
            bad.flags &= ~dns.flags.QR
        return [bad, *good(query)]

    lan = Lan(play)
    assert lan.run(socket.gethostbyname, "www.corp.test") == "10.0.9.1"
    assert len(lan.heard) == 1


def test_truncated_and_then_by_tcp() -> None:
    def truncated(query: Message) -> list[Message]:
        (made,) = answer(query)
        made.flags |= dns.flags.TC
        return [made]

    lan = Lan(truncated)

    def by_tcp() -> None:
        with socket.create_server(("", 53)) as listener:
            while True:
                connection, _ = listener.accept()
                with connection:
                    size = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
                    (reply,) = good(dns.message.from_wire(connection.recv(size, socket.MSG_WAITALL)))
                    wire = reply.to_wire(want_shuffle=False)
                    half = len(wire) // 2
                    connection.sendall(len(wire).to_bytes(2, "big") + wire[:half])
                    connection.sendall(wire[half:])

    host = lan.net["ns1"]
    assert isinstance(host, sim.lab.nodes.LabHost)
    host.serve(by_tcp)
    assert lan.run(socket.gethostbyname, "www.corp.test") == "10.0.9.1"
    assert len(lan.heard) == 1


def test_asyncio_looks_up_many_at_once() -> None:
    lan = Lan(good)

    async def together() -> list[str]:
        loop = asyncio.get_running_loop()
        found = await asyncio.gather(*[loop.getaddrinfo(f"h{n}.test", 80, type=socket.SOCK_STREAM) for n in range(20)])
        return [str(entries[0][4][0]) for entries in found]

    assert lan.run(together) == ["10.0.9.1"] * 20
    assert len(lan.heard) == 20


def test_a_socket_asks_once_for_the_name_that_it_is_given() -> None:
    lan = Lan(lambda query: answer(query, "10.0.0.1"))
    lan.pc.run(lambda: None)
    host = lan.net["ns1"]
    assert isinstance(host, sim.lab.nodes.LabHost)

    def listen() -> None:
        with socket.create_server(("", 80)) as listener:
            listener.accept()[0].close()

    host.serve(listen)

    def connect() -> tuple[str, int]:
        with socket.socket() as own:
            own.connect(("www.corp.test", 80))
            name: tuple[str, int] = own.getpeername()
            return name

    assert lan.run(connect) == ("10.0.0.1", 80)
    assert len(lan.heard) == 1

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"x", ("www.corp.test", 9))

    lan.run(send)
    assert len(lan.heard) == 2


def test_names_that_no_server_can_be_asked_for() -> None:
    lan = Lan(good)
    for name in (b"a..b", b".a", b"x" * 64, b"a b\n", b"x." * 130, "a\t.b"):
        assert lan.run(error_of, socket.gethostbyname, name)[0] == -2
    assert lan.heard == []


def test_the_resolver_of_dnspython_asks_the_host_s_servers() -> None:
    def ask() -> list[str]:
        import dns.resolver

        return sorted(str(record) for record in dns.resolver.Resolver().resolve("www", search=True))

    lan = Lan(only("www.corp.test."))
    lan.pc.resolver.search = ["corp.test"]
    assert lan.run(ask) == ["10.0.9.1", "10.0.9.2"]
    with pytest.raises(dns.resolver.NoResolverConfiguration):
        Lan().run(ask)


def test_it_runs_on_a_real_machine_too() -> None:
    """Nothing listens on port 53 of this address: refused at once, and twice."""
    from sim.userland.resolver_settings import ResolverSettings

    with pytest.raises(stub_resolver.LookupFailedError) as failed:
        stub_resolver.addresses(ResolverSettings(["127.0.0.153"]), "www.corp.test")
    assert failed.value.code == stub_resolver.TRY_AGAIN
