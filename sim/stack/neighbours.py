"""Neighbours: which MAC address an IP address on the link has. ARP (RFC 826) with the states of RFC 4861 7.3.2.

    INCOMPLETE  asked, no answer yet; packets wait
    REACHABLE   confirmed within the last 30 s
    STALE       known, but not confirmed lately; used as it is
    DELAY       used while stale: 5 s for a sign of life before we ask
    PROBE       asking the known MAC directly, by unicast
    FAILED      nobody answered; the next packet asks again
    PERMANENT   set by hand

REACHABLE turns into STALE when it is next looked at, so an idle network has no timers. The numbers are Linux's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from sim.stack.alarms import NEVER, Alarm
from sim.stack.interfaces import Interface
from sim.stack.routes import Route
from sim.stack.service import IpService
from sim.tracing import kinds
from sim.wire import arp, ethernet
from sim.wire.addresses import IPV4_ANY, MAC_BROADCAST, MAC_ZERO, format_ip, is_multicast_mac

INCOMPLETE: Final = 0
REACHABLE: Final = 1
STALE: Final = 2
DELAY: Final = 3
PROBE: Final = 4
FAILED: Final = 5
PERMANENT: Final = 6
STATE_NAMES: Final = ("incomplete", "reachable", "stale", "delay", "probe", "failed", "permanent")

REACHABLE_TIME: Final = 30_000_000_000  # ns; base_reachable_time, without its random factor
RETRANS_TIMER: Final = 1_000_000_000  # ns between requests
DELAY_FIRST_PROBE_TIME: Final = 5_000_000_000  # ns
MAX_MULTICAST_SOLICIT: Final = 3  # requests before an unknown neighbour has failed
MAX_UNICAST_SOLICIT: Final = 3  # probes before a known one has
QUEUE_LIMIT: Final = 100  # packets that wait for one answer; the oldest gives way
DEFEND_INTERVAL: Final = 10_000_000_000  # ns between two defences of an address (RFC 5227 1.1)
TABLE_LIMIT: Final = 16384  # entries; Linux stops at 1024, too few for a lab segment with thousands of hosts

IPV4_TYPE: Final = ethernet.ETHERTYPE_IPV4.to_bytes(2, "big")


class Neighbour(Alarm):
    """One entry. `header` is the Ethernet header of an IPv4 packet to it; good to use as it is until `fresh_until`."""

    def __init__(self, address: bytes, table: NeighbourTable) -> None:
        super().__init__()
        self.address = address
        self.state: int = INCOMPLETE
        self.mac: bytes = MAC_ZERO
        self.header: bytes = b""
        self.fresh_until: i64 = -1
        self.attempts: int = 0
        self.waiting: list[tuple[bytes, int]] = []
        self.paths: list[Path] | None = None  # what packets take that it is the gateway of
        self._table = table

    def go_off(self) -> None:
        self._table.handle_alarm(self)

    def state_at(self, now: int) -> int:
        """The state at `now` (ns): a confirmation has an end, though no timer waits for it."""
        return STALE if self.state == REACHABLE and now > self.fresh_until else self.state


class Path:
    """Where packets to one destination go next, and from which address ours leave: a destination cache entry
    (RFC 4861 5.1). It holds as long as the routes of its `generation` do."""

    def __init__(self, route: Route, table: NeighbourTable, neighbour: Neighbour, generation: int) -> None:
        self.route = route
        self.interface = route.interface
        self.table = table
        self.neighbour = neighbour
        self.generation = generation
        self.source: bytes | None = route.interface.source_for(neighbour.address)


class NeighbourTable:
    """The neighbours on the link of one interface.

    `limit` bounds the entries. `ip` is told of each packet that waited in vain, and of entries that are taken out.
    """

    def __init__(self, ip: IpService, interface: Interface) -> None:
        self.ip = ip
        self.core = ip.core
        self.interface = interface
        self.entries: dict[bytes, Neighbour] = {}
        self.limit: int = TABLE_LIMIT
        self.conflicts: int = 0  # ARP packets of others who use an address of ours
        self.rivals: dict[bytes, bytes] = {}  # who was seen last to use an address of ours
        self.checks: dict[bytes, Callable[[bytes], None]] = {}  # whom to tell who uses an address that may be free
        self.surrender: dict[bytes, Callable[[bytes], None]] = {}  # whom to tell that an address of ours is lost
        self._conflict_at: dict[bytes, int] = {}

    def lookup(self, address: bytes) -> Neighbour:
        """The entry for `address`, a new one that knows nothing if there was none."""
        entry = self.entries.get(address)
        if entry is None:
            if len(self.entries) >= self.limit:
                self._evict()
            entry = self.entries[address] = Neighbour(address, self)
            entry.state = FAILED
        return entry

    def send(self, neighbour: Neighbour, packet: bytes) -> None:
        """Send an IPv4 packet to a neighbour, now or once its MAC address is known."""
        state = neighbour.state_at(self.core.now)
        if state in (INCOMPLETE, FAILED):
            self._wait(neighbour, packet)
            return
        if state == STALE:
            self._enter(neighbour, DELAY, self.core.now + DELAY_FIRST_PROBE_TIME)
        self.core.transmit(self.interface, neighbour.header + packet)

    def receive(self, packet: arp.Packet) -> None:
        """Handle an ARP packet (RFC 826, "Packet Reception").

        A sender we know is updated. A sender who asks for us is remembered, since an answer will be followed by a
        packet to it. Whoever else merely talks about itself is not: an answer to no question, or a gratuitous ARP,
        fills no cache.
        """
        core = self.core
        if packet.operation not in (arp.REQUEST, arp.REPLY):
            core.drop("unknown ARP operation")
            return
        if self._is_martian(packet):
            core.drop("martian address")
            return
        own = [address for address, _ in self.interface.addresses]
        if packet.sender_ip in own:
            if packet.sender_mac == self.interface.mac:
                core.note(kinds.IGNORE, "our own ARP packet came back")
            else:
                self._defend(packet.sender_ip, packet.sender_mac)
            return
        if self.checks and packet.sender_mac != self.interface.mac and self._answers_check(packet):
            return
        asked = packet.operation == arp.REQUEST and packet.target_ip in own
        if packet.sender_ip in self.entries or (asked and packet.sender_ip != IPV4_ANY):
            solicited = packet.operation == arp.REPLY and packet.target_ip in own
            self._learn(self.lookup(packet.sender_ip), packet.sender_mac, solicited)
        if asked:
            core.note(kinds.DELIVER, "ARP request")
            answer = arp.Packet(arp.REPLY, self.interface.mac, packet.target_ip, packet.sender_mac, packet.sender_ip)
            self._emit(answer, packet.sender_mac)
        elif packet.operation == arp.REQUEST:
            core.note(kinds.IGNORE, "asks for somebody else")
        elif packet.sender_ip in self.entries:
            core.note(kinds.DELIVER, "ARP reply")
        else:
            core.note(kinds.IGNORE, "an answer to no question of ours")

    def announce(self, address: bytes) -> None:
        """Tell the link which MAC address `address` has (a gratuitous ARP request, RFC 5227 2.3)."""
        self._emit(arp.Packet(arp.REQUEST, self.interface.mac, address, MAC_ZERO, address), MAC_BROADCAST)

    def probe(self, address: bytes) -> None:
        """Ask who has `address` without saying who asks (RFC 5227 2.1.1)."""
        self._emit(arp.Packet(arp.REQUEST, self.interface.mac, IPV4_ANY, MAC_ZERO, address), MAC_BROADCAST)

    def confirm(self, address: bytes) -> None:
        """Something above saw that our packets reach `address` (RFC 4861 7.3.1)."""
        entry = self.entries.get(address)
        if entry is not None and entry.state in (REACHABLE, STALE, DELAY, PROBE):
            self._reachable(entry)

    def set_permanent(self, address: bytes, mac: bytes) -> None:
        """Enter a neighbour by hand."""
        entry = self.lookup(address)
        self._set_mac(entry, mac)
        self._enter(entry, PERMANENT, NEVER)
        entry.fresh_until = NEVER
        self._flush(entry)

    def clear(self) -> None:
        """Forget everybody but those entered by hand, and drop what waits: the link is down, or the power is off."""
        for entry in list(self.entries.values()):
            if entry.state != PERMANENT:
                self._forget(entry, "link down")
        self.ip.forget_paths()

    def _defend(self, address: bytes, mac: bytes) -> None:
        """Somebody uses an address of ours (RFC 5227 2.4): say once that it is ours. If that was said within the last
        ten seconds, whoever can do without the address gives it up (b); the others keep it, and keep quiet (c).
        """
        core = self.core
        self.conflicts += 1
        self.rivals[address] = mac
        core.note(kinds.CONFLICT, (address, mac))
        last = self._conflict_at.get(address, -DEFEND_INTERVAL)
        if core.now - last >= DEFEND_INTERVAL:
            self._conflict_at[address] = core.now
            self.announce(address)
        elif address in self.surrender:
            self.surrender[address](mac)

    def _answers_check(self, packet: arp.Packet) -> bool:
        """Whether it says that an address is in use that somebody here would like to have (RFC 5227 2.1.1)."""
        probe = packet.operation == arp.REQUEST and packet.sender_ip == IPV4_ANY
        address = packet.target_ip if probe else packet.sender_ip
        check = self.checks.get(address)
        if check is None:
            return False
        what = "asks for it as well" if probe else "uses it"
        self.core.note(kinds.DELIVER, f"ARP: {format_ip(address)} is not free, somebody {what}")
        check(packet.sender_mac)
        return True

    def _is_martian(self, packet: arp.Packet) -> bool:
        """Whether the sender claims what no single station can have (RFC 1812 3.3.2, RFC 1122 3.2.1.3)."""
        if is_multicast_mac(packet.sender_mac):
            return True
        address = packet.sender_ip
        if address[0] in (0, 127) or address[0] >= 224 or address in self.interface.broadcasts:
            return address != IPV4_ANY
        return False

    def _wait(self, neighbour: Neighbour, packet: bytes) -> None:
        if len(neighbour.waiting) >= QUEUE_LIMIT:
            _, cause = neighbour.waiting.pop(0)
            self.core.journal.drop(self.core.now, cause, "ARP queue full")
        neighbour.waiting.append((packet, self.core.cause))
        if neighbour.state == FAILED:
            neighbour.attempts = 0
            neighbour.state = INCOMPLETE
            self._solicit(neighbour)

    def _solicit(self, neighbour: Neighbour) -> None:
        """Ask once more, or give up (RFC 4861 7.2.2, with ARP's request in place of the solicitation)."""
        probing = neighbour.state == PROBE
        if neighbour.attempts >= (MAX_UNICAST_SOLICIT if probing else MAX_MULTICAST_SOLICIT):
            self._fail(neighbour)
            return
        neighbour.attempts += 1
        source = self.interface.source_for(neighbour.address) or IPV4_ANY
        self.core.note(kinds.ARP_PROBE if probing else kinds.ARP_ASK, (neighbour.address, self.interface.name))
        request = arp.Packet(arp.REQUEST, self.interface.mac, source, MAC_ZERO, neighbour.address)
        self._emit(request, neighbour.mac if probing else MAC_BROADCAST)
        self._set_alarm(neighbour, self.core.now + RETRANS_TIMER)

    def _fail(self, neighbour: Neighbour) -> None:
        core = self.core
        self._stop(neighbour)
        neighbour.state = FAILED
        neighbour.fresh_until = -1
        core.note(kinds.ARP_FAIL, (neighbour.address, self.interface.name))
        waiting, neighbour.waiting = neighbour.waiting, []
        for packet, cause in waiting:
            core.cause = cause
            self.ip.neighbour_failed(packet)

    def _learn(self, neighbour: Neighbour, mac: bytes, solicited: bool) -> None:
        """The neighbour said its MAC address; `solicited` if it answered a question of ours (RFC 4861 7.2.5)."""
        if neighbour.state == PERMANENT:
            return
        changed = mac != neighbour.mac
        if changed or neighbour.state in (INCOMPLETE, FAILED):
            self.core.note(kinds.ARP_LEARN, (neighbour.address, mac, self.interface.name))
            self._set_mac(neighbour, mac)
        if solicited:
            self._reachable(neighbour)
        elif changed or neighbour.state in (INCOMPLETE, FAILED):
            self._stop(neighbour)
            neighbour.state = STALE
            neighbour.fresh_until = -1
        self._flush(neighbour)

    def _reachable(self, neighbour: Neighbour) -> None:
        self._stop(neighbour)
        neighbour.state = REACHABLE
        neighbour.fresh_until = self.core.now + REACHABLE_TIME

    def _enter(self, neighbour: Neighbour, state: int, deadline: int) -> None:
        self._stop(neighbour)
        neighbour.state = state
        neighbour.fresh_until = deadline
        if deadline < NEVER:
            self._set_alarm(neighbour, deadline)

    def _flush(self, neighbour: Neighbour) -> None:
        """Send what waited, each packet as what caused it, not as what the answer caused."""
        core = self.core
        waiting, neighbour.waiting = neighbour.waiting, []
        current = core.cause
        for packet, cause in waiting:
            core.cause = cause
            self.send(neighbour, packet)
        core.cause = current

    def handle_alarm(self, neighbour: Neighbour) -> None:
        """A neighbour's time is up: ask, ask again, or give up."""
        if neighbour.state == DELAY:
            neighbour.state = PROBE
            neighbour.attempts = 0
            # Whoever uses it meanwhile may go on doing so until the probes have failed.
            neighbour.fresh_until = self.core.now + MAX_UNICAST_SOLICIT * RETRANS_TIMER
        self._solicit(neighbour)

    def _set_alarm(self, neighbour: Neighbour, time: int) -> None:
        self.core.set_alarm(neighbour, time)

    def _stop(self, neighbour: Neighbour) -> None:
        self.core.cancel_alarm(neighbour)

    def _set_mac(self, neighbour: Neighbour, mac: bytes) -> None:
        neighbour.mac = mac
        neighbour.header = mac + self.interface.mac + IPV4_TYPE

    def _emit(self, packet: arp.Packet, destination: bytes) -> None:
        frame = ethernet.Frame(destination, self.interface.mac, ethernet.ETHERTYPE_ARP, arp.emit(packet))
        self.core.transmit(self.interface, ethernet.emit(frame))

    def _evict(self) -> None:
        """Make room: forget the oldest entry, unless it was entered by hand, and drop what waits for it."""
        for entry in self.entries.values():
            if entry.state != PERMANENT:
                self._forget(entry, "neighbour table full")
                self.ip.forget_paths()
                return

    def _forget(self, entry: Neighbour, reason: str) -> None:
        self._stop(entry)
        entry.fresh_until = -1
        for _, cause in entry.waiting:
            self.core.journal.drop(self.core.now, cause, reason)
        entry.waiting.clear()
        del self.entries[entry.address]
