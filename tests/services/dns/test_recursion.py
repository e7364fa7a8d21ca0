"""The resolver in a network: the walk, its bounds, servers that are no help, and those who lie."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.message import Message

import sim
from sim.lab.nodes import LabHost
from sim.services.dns import server
from sim.userland.dig import Asked, dig
from sim.userland.resolver_settings import ResolverSettings

Record = tuple[str, int, str, str]
SETTINGS = ResolverSettings(["10.0.0.53"])


def zone(origin: str, *records: Record, server_name: str = "") -> dict[str, list[Record]]:
    """A zone with a SOA and a name server."""
    apex = origin if origin.endswith(".") else f"{origin}."
    name = server_name or ("ns." if origin == "." else f"ns.{apex}")
    start: list[Record] = [(apex, 300, "SOA", f"{name} h.{apex.lstrip('.')} 1 2 3 4 60"), (apex, 300, "NS", name)]
    return {apex: [*start, *records]}


class Internet:
    """A client, a resolver and whoever else, all on one switch."""

    def __init__(self, seed: int = 1) -> None:
        self.net = sim.Network(seed=seed)
        self.switch = self.net.switch("sw")
        self.client = self.add("client", 10)
        self.resolver = self.add("resolver", 53)
        self.shown: list[Any] = []

    def add(self, name: str, last: int) -> LabHost:
        host = self.net.host(name, f"10.0.0.{last}/24")
        self.net.link(host, self.switch, delay="1ms")
        return host

    def resolve(self, **settings: Any) -> None:
        """Start the resolver."""
        arguments = {"recursive": True, "root_hints": ["10.0.0.1"], "show": self.shown.append, **settings}
        self.resolver.serve(lambda: server.serve(**arguments), name="resolver")

    def serve(self, name: str, last: int, zones: Mapping[str, list[Record]], **settings: Any) -> LabHost:
        """Start a server of zones."""
        host = self.add(name, last)
        host.serve(lambda: server.serve(zones=zones, **settings), name=name)
        return host

    def play(self, name: str, last: int, answer: Callable[[Message, Any], list[bytes]]) -> list[Message]:
        """Start a server that answers as it likes; the questions that it gets."""
        host, heard = self.add(name, last), []

        def run() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.bind(("", 53))
                while True:
                    data, sender = own.recvfrom(4096)
                    query = dns.message.from_wire(data)
                    heard.append(query)
                    for reply in answer(query, (own, sender)):
                        own.sendto(reply, sender)

        host.serve(run, name=name)
        return heard

    def ask(self, name: str, rdtype: str = "A", **options: Any) -> Asked:
        found: Asked = self.client.run(dig, SETTINGS, "10.0.0.53", name, rdtype, options)
        return found


def tree(net: Internet) -> None:
    """The root, test. and corp.test."""
    net.serve("root", 1, zone(".", ("test.", 300, "NS", "ns.test."), ("ns.test.", 300, "A", "10.0.0.2")))
    corp: list[Record] = [("corp.test.", 300, "NS", "ns.corp.test."), ("ns.corp.test.", 300, "A", "10.0.0.3")]
    net.serve("tld", 2, zone("test", *corp))
    net.serve(
        "corp",
        3,
        zone(
            "corp.test",
            ("www.corp.test.", 300, "CNAME", "web.corp.test."),
            ("web.corp.test.", 60, "A", "10.0.0.80"),
            ("loop1.corp.test.", 60, "CNAME", "loop2.corp.test."),
            ("loop2.corp.test.", 60, "CNAME", "loop1.corp.test."),
            *[("big.corp.test.", 60, "TXT", f'"{"x" * 60}{number}"') for number in range(60)],
        ),
    )


def test_the_walk_and_the_cache() -> None:
    net = Internet()
    tree(net)
    net.resolve()
    found = net.ask("www.corp.test")
    assert (found.status, found.addresses, found.aliases) == ("NOERROR", ["10.0.0.80"], ["web.corp.test"])
    assert found.authoritative is False
    net.net.run("20s")
    for name in ("root", "tld", "corp"):
        net.net.crash(name)
    again = net.ask("www.corp.test")
    assert again.addresses == ["10.0.0.80"]
    assert again.ttl == 60 - 20
    net.net.run("61s")
    assert net.ask("www.corp.test").status == "SERVFAIL"  # the address is forgotten, and nobody is left


def test_addresses_of_servers_that_are_forgotten_before_the_servers_are() -> None:
    """The zone above is asked for them again; those of the root are known by their hints."""
    net = Internet()
    net.serve("root", 1, zone(".", ("test.", 3000, "NS", "ns.test."), ("ns.test.", 10, "A", "10.0.0.2")))
    net.serve("tld", 2, zone("test", ("www.test.", 5, "A", "10.0.0.80")))
    net.resolve()
    assert net.ask(".", "NS").answers == ["ns"]
    assert net.ask("test", "NS").answers == ["ns.test"]
    net.net.run("20s")
    assert net.ask("www.test").addresses == ["10.0.0.80"]


def test_who_does_not_want_recursion_gets_what_is_known() -> None:
    net = Internet()
    tree(net)
    net.resolve()
    assert net.ask("www.corp.test", recurse=False).status == "REFUSED"
    net.ask("www.corp.test")
    assert net.ask("www.corp.test", recurse=False).addresses == ["10.0.0.80"]
    referral = net.ask("other.corp.test", recurse=False)
    assert (referral.status, referral.answers) == ("NOERROR", [])


def test_a_long_answer_comes_by_tcp() -> None:
    net = Internet()
    tree(net)
    net.resolve()
    found = net.ask("big.corp.test", "TXT")
    assert (len(found.answers), found.truncated, found.sent) == (60, True, 2)


def test_aliases_that_lead_in_circles() -> None:
    net = Internet()
    tree(net)
    net.resolve()
    assert net.ask("loop1.corp.test").status in ("SERVFAIL", "NODATA")
    assert net.net.now < 30 * 10**9


def test_a_name_server_whose_address_another_zone_knows() -> None:
    """No glue can be given for it: the resolver has to ask for its address first."""
    net = Internet()
    net.serve(
        "root",
        1,
        zone(
            ".",
            ("test.", 300, "NS", "ns.host.example."),
            ("example.", 300, "NS", "ns.example."),
            ("ns.example.", 300, "A", "10.0.0.2"),
        ),
    )
    net.serve("example", 2, zone("example", ("ns.host.example.", 300, "A", "10.0.0.3")))
    net.serve("test", 3, zone("test", ("www.test.", 60, "A", "10.0.0.80"), server_name="ns.host.example."))
    net.resolve()
    assert net.ask("www.test").addresses == ["10.0.0.80"]


def test_name_servers_that_are_each_in_the_others_zone() -> None:
    net = Internet()
    net.serve("root", 1, zone(".", ("a.", 300, "NS", "ns.b."), ("b.", 300, "NS", "ns.a.")))
    net.resolve()
    before = net.net.now
    assert net.ask("www.a").status == "SERVFAIL"
    assert net.net.now - before < 5 * 10**9


def test_referrals_without_end_are_given_up() -> None:
    net = Internet()

    def deeper(query: Message, _: Any) -> list[bytes]:
        """Each time one label more: but only as many as the name has."""
        reply = dns.message.make_response(query)
        name = query.question[0].name
        depth = len(heard) % (len(name.labels) - 1) + 1
        owner = dns.name.Name(name.labels[-depth - 1 :])
        for number in range(10):
            reply.authority.append(dns.rrset.from_text(owner, 0, "IN", "NS", f"ns{len(heard)}-{number}.{owner}"))
        return [reply.to_wire()]

    heard: list[Message] = net.play("root", 1, deeper)
    net.resolve()
    assert net.ask("a.b.c.d.e.f.g.h").status == "SERVFAIL"
    assert len(heard) <= 64


def test_servers_that_fail_refuse_or_are_lame_are_passed_over() -> None:
    net = Internet()
    glue = [("ns1.test.", "10.0.0.2"), ("ns2.test.", "10.0.0.3"), ("ns3.test.", "10.0.0.4"), ("ns4.test.", "10.0.0.5")]
    records: list[Record] = [("test.", 300, "NS", name) for name, _ in glue]
    records += [(name, 300, "A", address) for name, address in glue]
    net.serve("root", 1, zone(".", *records))

    def failing(query: Message, _: Any) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        return [reply.to_wire()]

    def upward(query: Message, _: Any) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "a.root."))
        return [reply.to_wire()]

    heard = [net.play("fails", 2, failing), net.play("lame", 3, upward), net.play("silent", 4, lambda *_: [])]
    net.serve("good", 5, zone("test", ("www.test.", 1, "A", "10.0.0.80")))
    net.resolve()
    assert net.ask("www.test").addresses == ["10.0.0.80"]
    assert [len(one) for one in heard] == [1, 1, 1]


@pytest.mark.parametrize(("count", "least", "most"), [(5, 5, 5), (100, 50, 64)])
def test_a_zone_without_a_good_server_costs_a_bounded_number_of_questions(count: int, least: int, most: int) -> None:
    """All refuse: none is asked twice, and of many not all."""
    net = Internet()
    records: list[Record] = [("test.", 300, "NS", f"ns{number}.test.") for number in range(count)]
    records += [(f"ns{number}.test.", 300, "A", f"10.0.0.{100 + number}") for number in range(count)]
    net.serve("root", 1, zone(".", *records))
    lame = net.net.host("lame", [f"10.0.0.{100 + number}/24" for number in range(count)])
    net.net.link(lame, net.switch)
    asked: list[str] = []

    def refuse() -> None:
        import selectors

        with selectors.DefaultSelector() as selector:
            for number in range(count):
                own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                own.bind((f"10.0.0.{100 + number}", 53))
                selector.register(own, selectors.EVENT_READ, number)
            while True:
                for key, _ in selector.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data, sender = key.fileobj.recvfrom(4096)
                    asked.append(key.data)
                    reply = dns.message.make_response(dns.message.from_wire(data))
                    reply.set_rcode(dns.rcode.REFUSED)
                    key.fileobj.sendto(reply.to_wire(), sender)

    lame.serve(refuse)
    net.resolve()
    assert net.ask("www.test").status == "SERVFAIL"
    assert len(asked) == len(set(asked))
    assert least <= len(asked) <= most


def test_an_old_server_that_knows_no_edns() -> None:
    net = Internet()

    def old(query: Message, _: Any) -> list[bytes]:
        if query.edns >= 0:
            return [query.id.to_bytes(2, "big") + bytes((0x80, 1)) + bytes(8)]
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "10.0.0.80"))
        return [reply.to_wire()]

    heard = net.play("root", 1, old)
    net.resolve()
    assert net.ask("www.test").addresses == ["10.0.0.80"]
    assert [query.edns for query in heard] == [0, -1]


@pytest.mark.parametrize("lie", ["id", "port", "question", "address"])
def test_a_reply_that_only_looks_like_one_is_not_believed(lie: str) -> None:
    """Somebody else is quicker than the server, and guesses wrong."""
    net = Internet()
    forged: list[bytes] = []

    def lies(query: Message, ends: Any) -> list[bytes]:
        own, sender = ends
        bad = dns.message.make_response(query)
        bad.flags |= dns.flags.AA
        good = dns.message.make_response(query)
        good.flags |= dns.flags.AA
        name = query.question[0].name
        good.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "10.0.0.80"))
        bad.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "6.6.6.6"))
        wire = bytearray(bad.to_wire())
        if lie == "id":
            wire[0] ^= 0xFF
        elif lie == "question":
            wire[13] = ord("x")
        forged.append(bytes(wire))
        if lie == "port":
            own.sendto(wire, (sender[0], sender[1] ^ 1))
        elif lie == "address":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(wire, sender)  # from another port of the same address
        else:
            own.sendto(wire, sender)
        return [good.to_wire()]

    net.play("root", 1, lies)
    net.resolve()
    found = net.ask("www.test")
    assert forged
    assert found.addresses == ["10.0.0.80"]


def test_what_a_server_says_about_others_is_not_remembered() -> None:
    net = Internet()
    net.serve("root", 1, zone(".", ("test.", 300, "NS", "ns.test."), ("ns.test.", 300, "A", "10.0.0.2"),
                              ("bank.", 300, "NS", "ns.bank."), ("ns.bank.", 300, "A", "10.0.0.3")))  # fmt: skip

    def poisons(query: Message, _: Any) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "10.0.0.80"))
        reply.answer.append(dns.rrset.from_text("www.bank.", 60, "IN", "A", "6.6.6.6"))
        reply.authority.append(dns.rrset.from_text("bank.", 60, "IN", "NS", "ns.test."))
        reply.additional.append(dns.rrset.from_text("ns.bank.", 60, "IN", "A", "10.0.0.2"))
        return [reply.to_wire()]

    net.play("evil", 2, poisons)
    net.serve("bank", 3, zone("bank", ("www.bank.", 60, "A", "10.0.0.99")))
    net.resolve()
    assert net.ask("www.test").addresses == ["10.0.0.80"]
    assert net.ask("www.bank").addresses == ["10.0.0.99"]


def test_ids_and_ports_come_from_the_seed_and_cannot_be_guessed() -> None:
    def asked(seed: int) -> list[tuple[int, int]]:
        net = Internet(seed)
        seen: list[tuple[int, int]] = []

        def note(query: Message, ends: Any) -> list[bytes]:
            seen.append((query.id, ends[1][1]))
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 0, "IN", "A", "10.0.0.80"))
            return [reply.to_wire()]

        net.play("root", 1, note)
        net.resolve()
        for number in range(5):
            net.ask(f"h{number}.test")
        return seen

    first = asked(1)
    assert asked(1) == first
    assert asked(2) != first
    assert len({number for number, _ in first}) == len({port for _, port in first}) == 5


def test_a_forwarder_is_asked_in_place_of_the_root() -> None:
    net = Internet()
    tree(net)
    second = net.add("second", 54)
    second.serve(lambda: server.serve(recursive=True, root_hints=["10.0.0.1"]), name="second")
    net.resolve(root_hints=[], forward=["10.0.0.54"])
    assert net.ask("www.corp.test").addresses == ["10.0.0.80"]
    assert net.ask("nowhere.corp.test").status == "NXDOMAIN"
    net.net.crash("second")
    assert net.ask("www.corp.test").addresses == ["10.0.0.80"]
    assert net.ask("nowhere.corp.test").status == "NXDOMAIN"
    assert net.ask("else.corp.test").status == "SERVFAIL"


def test_own_zones_and_the_rest_of_the_world() -> None:
    net = Internet()
    tree(net)
    mine = zone(
        "home.test",
        ("pc.home.test.", 60, "A", "10.0.0.10"),
        ("www.home.test.", 60, "CNAME", "www.corp.test."),
        ("lab.home.test.", 60, "NS", "ns.lab.home.test."),
        ("ns.lab.home.test.", 60, "A", "10.0.0.4"),
    )
    net.serve("lab", 4, zone("lab.home.test", ("x.lab.home.test.", 60, "A", "10.0.0.81")))
    net.resolve(zones=mine)
    assert (net.ask("pc.home.test").authoritative, net.ask("pc.home.test").addresses) == (True, ["10.0.0.10"])
    assert net.ask("www.home.test").addresses == ["10.0.0.80"]
    assert net.ask("x.lab.home.test").addresses == ["10.0.0.81"]
    assert net.ask("x.lab.home.test", recurse=False).answers == []
    assert net.ask("www.corp.test").addresses == ["10.0.0.80"]


def test_many_questions_at_once() -> None:
    """Two hundred names by one resolver, all at the same time; each gets its own answer."""
    net = Internet()
    net.serve("root", 1, zone(".", *[(f"h{n}.", 60, "A", f"10.1.{n // 250}.{n % 250}") for n in range(200)]))
    net.resolve()

    def ask_all() -> list[str]:
        import concurrent.futures

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            return [found.addresses[0] for found in pool.map(one, range(200))]

    def one(number: int) -> Asked:
        return dig(SETTINGS, "10.0.0.53", f"h{number}", "A", {})

    assert net.client.run(ask_all) == [f"10.1.{n // 250}.{n % 250}" for n in range(200)]
