"""A DHCP server (RFC 2131 4.3), without I/O and without a clock.

DISCOVER: choose an address, see whether somebody uses it already, offer it. REQUEST: lease it if it may be, else NAK.
DECLINE: set it apart. RELEASE: it is free. INFORM: options, and no lease. What comes by a relay is for the subnet of
the relay's address, `giaddr`; all else is for that of the interface that it came in on.

Leases are remembered over a power cut, as by a server that writes them to a disk; offers are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.services.dhcp.pool import LEASED, OFFERED, Binding, Pool, Subnet
from sim.services.dhcp.replies import Reply, reply_to
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY, format_ip

SECOND: Final = 1_000_000_000
OFFER_TIME: Final = 60 * SECOND
"""How long an offer holds an address that nobody asks for."""
QUARANTINE: Final = 24 * 3600 * SECOND
"""How long an address is set apart that was declined, or answered a ping."""
NEVER: Final = 1 << 61


@dataclass(frozen=True)
class Arrival:
    """How a message came: the address of the interface (its subnet is the client's, unless a relay says otherwise), and
    whether it was sent to that address rather than to everybody."""

    own: bytes
    unicast: bool = False


@dataclass(frozen=True)
class Probe:
    """Ask by an ICMP echo request whether somebody uses `address`; then call `handle_probe` with the `ticket`."""

    address: bytes
    ticket: int


@dataclass(frozen=True)
class Refuse:
    """Nothing is sent; `reason` says why, for the records."""

    reason: str


@dataclass(frozen=True)
class Note:
    """Something that a user wants to know."""

    text: str


Action = Reply | Probe | Refuse | Note


@dataclass
class _Pending:
    message: dhcpv4.Message
    arrival: Arrival
    pool: Pool
    address: int


class Server:
    """The server of some subnets. `ping` says whether an address is probed before it is offered for the first time."""

    def __init__(self, subnets: list[Subnet], *, ping: bool = True) -> None:
        self.pools = [Pool(subnet) for subnet in subnets]
        self.ping = ping
        self._pending: dict[int, _Pending] = {}
        self._probing: dict[bytes, int] = {}  # the ticket of the client whose offer waits for a ping
        self._tickets = 0

    # -- what is known

    def leases(self, now: int) -> list[Binding]:
        """The leases that run."""
        return [binding for pool in self.pools for binding in pool.active(now)]

    def forget(self) -> None:
        """A power cut: what was not written to the disk is gone."""
        self._pending.clear()
        self._probing.clear()
        for pool in self.pools:
            for binding in [one for one in pool.by_address.values() if one.state == OFFERED]:
                pool.free(binding)

    # -- what happens

    def receive(self, message: dhcpv4.Message, arrival: Arrival, now: int) -> list[Action]:
        """A message has come."""
        if message.operation != dhcpv4.BOOTREQUEST or not message.chaddr:
            return []
        pool = self._pool_for(message, arrival)
        match message.kind:
            case dhcpv4.DISCOVER:
                return (
                    [Refuse("no DHCP pool for this subnet")]
                    if pool is None
                    else self._discover(message, arrival, pool, now)
                )
            case dhcpv4.REQUEST:
                return self._request(message, arrival, pool, now)
            case dhcpv4.DECLINE:
                return self._decline(message, arrival, pool, now)
            case dhcpv4.RELEASE:
                return self._release(message, arrival, now)
            case dhcpv4.INFORM if pool is not None:
                return [reply_to(message, dhcpv4.ACK, arrival.own, self._options(message, pool, None))]
        return []

    def handle_probe(self, ticket: int, used: bool, now: int) -> list[Action]:
        """What came of a probe. A `used` address is set apart, and the next one is tried."""
        pending = self._pending.pop(ticket, None)
        if pending is None:
            return []
        client = client_of(pending.message)
        self._probing.pop(client, None)
        if not used:
            return self._offer(pending, now)
        pending.pool.abandon(pending.address, now + QUARANTINE)
        return [
            Note(f"sets {format_ip(_packed(pending.address))} apart: it answers a ping"),
            *self._discover(pending.message, pending.arrival, pending.pool, now),
        ]

    # -- messages

    def _discover(self, message: dhcpv4.Message, arrival: Arrival, pool: Pool, now: int) -> list[Action]:
        client = client_of(message)
        if client in self._probing:
            return []  # the ping is on its way, and so is the offer
        wanted = message.address(dhcpv4.REQUESTED_ADDRESS)
        address = pool.choose(client, message.chaddr, None if wanted is None else _number(wanted), now)
        if address is None:
            return [Refuse("DHCP pool exhausted")]
        known = address in pool.by_address
        pending = _Pending(message, arrival, pool, address)
        if not known:
            pool.bind(client, message.chaddr, address, OFFERED, now + OFFER_TIME)
        if known or not self.ping:
            return self._offer(pending, now)
        self._tickets += 1
        self._pending[self._tickets] = pending
        self._probing[client] = self._tickets
        return [Probe(_packed(address), self._tickets)]

    def _offer(self, pending: _Pending, now: int) -> list[Action]:
        message, pool, client = pending.message, pending.pool, client_of(pending.message)
        if not pool.may_have(client, message.chaddr, pending.address, now):
            return self._discover(message, pending.arrival, pool, now)
        held = pool.by_address.get(pending.address)
        if held is None or held.state != LEASED:
            pool.bind(client, message.chaddr, pending.address, OFFERED, now + OFFER_TIME)
        options = self._options(message, pool, pool.subnet.lease)
        return [reply_to(message, dhcpv4.OFFER, pending.arrival.own, options, _packed(pending.address))]

    def _request(self, message: dhcpv4.Message, arrival: Arrival, pool: Pool | None, now: int) -> list[Action]:
        """RFC 2131 4.3.2: which of the four sorts of REQUEST it is follows from what is in it."""
        server, wanted = message.address(dhcpv4.SERVER_ID), message.address(dhcpv4.REQUESTED_ADDRESS)
        client = client_of(message)
        if server is not None and server != arrival.own:  # it has taken another's offer
            binding = None if pool is None else pool.binding_of(client, now)
            if pool is not None and binding is not None and binding.state == OFFERED:
                pool.free(binding)
            return []
        address = wanted if message.ciaddr == IPV4_ANY else message.ciaddr
        if address is None:
            return []
        if arrival.unicast and message.giaddr == IPV4_ANY:  # RENEWING: it may be routed from any subnet
            pool = self._pool_of(address) or pool
        if pool is None or _number(address) not in pool.subnet:
            return [] if pool is None else [self._nak(message, arrival, "wrong network")]
        mine = pool.binding_of(client, now)
        if mine is None and server is None and not (arrival.unicast and message.giaddr == IPV4_ANY):
            # INIT-REBOOT or REBINDING of somebody we do not know: another server may (RFC 2131 4.3.2)
            holder = pool.by_address.get(_number(address))
            return [] if holder is None else [self._nak(message, arrival, "the address is another's")]
        if mine.address != _number(address) if mine is not None else server is not None:
            return [self._nak(message, arrival, "this was not offered")]
        if not pool.may_have(client, message.chaddr, _number(address), now):
            return [self._nak(message, arrival, "the address is another's")]
        seconds = pool.subnet.lease
        end = NEVER if seconds == dhcpv4.INFINITE else now + seconds * SECOND
        name = message.text(dhcpv4.HOST_NAME) or (mine.host_name if mine is not None else "")
        pool.bind(client, message.chaddr, _number(address), LEASED, end, name)
        return [reply_to(message, dhcpv4.ACK, arrival.own, self._options(message, pool, seconds), address)]

    def _decline(self, message: dhcpv4.Message, arrival: Arrival, pool: Pool | None, now: int) -> list[Action]:
        """Only the address that this client has: nobody may take another's away (RFC 2131 4.3.3)."""
        address = message.address(dhcpv4.REQUESTED_ADDRESS)
        if pool is None or address is None or message.address(dhcpv4.SERVER_ID) not in (None, arrival.own):
            return []
        mine = pool.binding_of(client_of(message), now)
        if mine is None or mine.address != _number(address):
            return []
        pool.abandon(mine.address, now + QUARANTINE)
        return [Note(f"sets {format_ip(address)} apart: it was declined")]

    def _release(self, message: dhcpv4.Message, arrival: Arrival, now: int) -> list[Action]:
        pool = self._pool_of(message.ciaddr)
        mine = None if pool is None else pool.binding_of(client_of(message), now)
        ours = message.address(dhcpv4.SERVER_ID) in (None, arrival.own)
        if pool is not None and mine is not None and mine.address == _number(message.ciaddr) and ours:
            pool.free(mine)
        return []

    # -- inside

    def _pool_for(self, message: dhcpv4.Message, arrival: Arrival) -> Pool | None:
        """The pool of the subnet that the client is in (RFC 2131 4.3.1)."""
        return self._pool_of(arrival.own if message.giaddr == IPV4_ANY else message.giaddr)

    def _pool_of(self, address: bytes) -> Pool | None:
        return next((pool for pool in self.pools if _number(address) in pool.subnet), None)

    def _nak(self, message: dhcpv4.Message, arrival: Arrival, why: str) -> Reply:
        return reply_to(message, dhcpv4.NAK, arrival.own, [(dhcpv4.MESSAGE, why.encode())])

    def _options(self, message: dhcpv4.Message, pool: Pool, seconds: int | None) -> list[dhcpv4.Option]:
        """What a client is told: times first, then what it asks for in its order, then the rest."""
        options: list[dhcpv4.Option] = []
        if seconds is not None:
            times = ((dhcpv4.LEASE_TIME, seconds), (dhcpv4.RENEWAL_TIME, seconds // 2))
            options += [(code, time.to_bytes(4, "big")) for code, time in times]
            options.append((dhcpv4.REBINDING_TIME, (seconds * 7 // 8).to_bytes(4, "big")))
        known = {dhcpv4.SUBNET_MASK: pool.subnet.mask, **dict(pool.subnet.options)}
        asked = [code for code in message.option(dhcpv4.PARAMETER_LIST) or b"" if code in known]
        order = dict.fromkeys([dhcpv4.SUBNET_MASK, *asked, *known])  # the mask stands before routers (RFC 2132 3.3)
        written = {code for code, _ in options}
        return options + [(code, known[code]) for code in order if code not in written]


def client_of(message: dhcpv4.Message) -> bytes:
    """Who a client is (RFC 2131 4.2): its identifier if it gives one, else its hardware type and address."""
    return message.option(dhcpv4.CLIENT_ID) or bytes((message.hardware & 0xFF,)) + message.chaddr


def _number(address: bytes) -> int:
    return int.from_bytes(address, "big")


def _packed(address: int) -> bytes:
    return address.to_bytes(4, "big")
