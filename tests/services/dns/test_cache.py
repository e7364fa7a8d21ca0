from __future__ import annotations

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.rrset import RRset

from sim.services.dns.cache import ANSWERED, TOLD, Cache

WWW = dns.name.from_text("www.corp.test.")
A, MX, NS = dns.rdatatype.A, dns.rdatatype.MX, dns.rdatatype.NS


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def address(last: int, ttl: int = 60, name: str = "www.corp.test.") -> RRset:
    return dns.rrset.from_text(name, ttl, "IN", "A", f"10.0.0.{last}")


def soa(ttl: int, minimum: int) -> RRset:
    return dns.rrset.from_text("corp.test.", ttl, "IN", "SOA", f"ns.corp.test. h.corp.test. 1 2 3 4 {minimum}")


def known(cache: Cache, rank: int = ANSWERED) -> tuple[str, int] | None:
    entry = cache.get(WWW, A, rank)
    return None if entry is None or entry.rrset is None else (entry.rrset[0].address, entry.rrset.ttl)


def test_a_ttl_is_counted_down_and_ends() -> None:
    clock = Clock()
    cache = Cache(clock)
    cache.put(address(1))
    assert known(cache) == ("10.0.0.1", 60)
    clock.now += 20.5
    assert known(cache) == ("10.0.0.1", 39)
    clock.now += 39.5
    assert known(cache) is None
    assert len(cache) == 0


def test_what_was_only_told_is_no_answer_and_does_not_replace_one() -> None:
    cache = Cache(Clock())
    cache.put(address(1), TOLD)
    assert known(cache) is None
    assert known(cache, TOLD) == ("10.0.0.1", 60)
    cache.put(address(2), ANSWERED)
    cache.put(address(3), TOLD)
    assert known(cache) == ("10.0.0.2", 60)


def test_a_no_holds_as_long_as_its_soa_says() -> None:
    clock = Clock()
    cache = Cache(clock)
    cache.put_no(WWW, MX, dns.rcode.NOERROR, soa(60, 30))
    assert cache.get(WWW, A) is None
    entry = cache.get(WWW, MX)
    assert entry is not None
    assert (entry.rrset, entry.rcode, entry.soa and entry.soa.ttl) == (None, dns.rcode.NOERROR, 30)
    cache.put_no(WWW, A, dns.rcode.NXDOMAIN, soa(20, 3600))
    for rdtype in (A, NS):  # a name that does not exist has no records of any type
        entry = cache.get(WWW, rdtype)
        assert entry is not None
        assert entry.rcode == dns.rcode.NXDOMAIN
    clock.now += 20
    assert cache.get(WWW, NS) is None
    cache.put_no(WWW, NS, dns.rcode.NXDOMAIN, None)
    assert cache.get(WWW, NS) is None


def test_a_ttl_of_zero_is_not_kept_and_a_long_one_not_for_ever() -> None:
    clock = Clock()
    cache = Cache(clock)
    cache.put(address(1, 0))
    assert known(cache) is None
    cache.put(address(1, 2**31 - 1))
    assert known(cache) == ("10.0.0.1", 7 * 86_400)


def test_it_is_bounded() -> None:
    cache = Cache(Clock(), 100)
    for number in range(10_000):
        cache.put(address(1, name=f"h{number}.corp.test."))
    assert len(cache) == 100
    assert cache.get(dns.name.from_text("h9999.corp.test."), A) is not None


def test_the_nearest_cut() -> None:
    cache = Cache(Clock())
    for zone in ("test.", "corp.test."):
        cache.put(dns.rrset.from_text(zone, 60, "IN", "NS", f"ns.{zone}"), TOLD)
    for name, nearest in (("www.corp.test.", "corp.test."), ("corp.test.", "corp.test."), ("x.test.", "test.")):
        cut = cache.nearest_cut(dns.name.from_text(name))
        assert cut is not None
        assert cut.name.to_text() == nearest
    assert cache.nearest_cut(dns.name.from_text("example.")) is None
