"""A DHCP client (RFC 2131 4.4, figure 5), without I/O and without a clock.

    INIT        nothing yet; DISCOVER is due
    SELECTING   DISCOVER was sent, offers are awaited: the first acceptable one is taken
    REQUESTING  an offer was asked for
    CHECKING    it was acknowledged; is somebody there already (RFC 5227)? If so: DECLINE
    BOUND       the address is ours until the lease ends
    RENEWING    T1 has come: the server is asked, by unicast, to extend the lease
    REBINDING   T2 has come: any server is asked
    REBOOTING   the cable was out: is the address still right where we are now?

Each call takes `now` (ns) and returns what is to be done, in order; then `deadline` says when to call `handle_timer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.services.dhcp.lease import NEVER, Lease, is_acceptable, lease_of
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY, format_ip

SECOND: Final = 1_000_000_000

INIT: Final = "init"
SELECTING: Final = "selecting"
REQUESTING: Final = "requesting"
CHECKING: Final = "checking"
BOUND: Final = "bound"
RENEWING: Final = "renewing"
REBINDING: Final = "rebinding"
REBOOTING: Final = "rebooting"
STOPPED: Final = "stopped"
STATES: Final = (INIT, SELECTING, REQUESTING, CHECKING, BOUND, RENEWING, REBINDING, REBOOTING, STOPPED)

FIRST_DELAY: Final = 4 * SECOND  # RFC 2131 4.1: 4, 8, 16, 32, 64 s, each a second more or less
LONGEST_DELAY: Final = 64 * SECOND
JITTER: Final = 1 * SECOND
REQUEST_LIMIT: Final = 4  # REQUESTs without an answer until it begins anew (RFC 2131 3.1.5)
REBOOT_LIMIT: Final = 2
LEAST_RENEWAL: Final = 60 * SECOND  # between REQUESTs that renew (RFC 2131 4.4.5)
DECLINE_WAIT: Final = 10 * SECOND  # RFC 2131 3.1.5
CONFLICT_LIMIT: Final = 10  # conflicts until it asks only once a minute (RFC 5227 2.1.1)
CONFLICT_WAIT: Final = 60 * SECOND
NAK_WAIT: Final = 1 * SECOND  # after the second NAK in a row, then doubled: two servers may disagree for ever
PARAMETERS: Final = bytes((1, 3, 6, 15, 26, 28, 42, 51, 58, 59, 119, 121))


@dataclass(frozen=True)
class Send:
    """Send a message: to `server` from the address that we have, or, None, from there or 0.0.0.0 to everybody."""

    message: dhcpv4.Message
    server: bytes | None = None


@dataclass(frozen=True)
class Check:
    """Find out whether somebody uses `address`; then call `handle_free` or `handle_conflict`."""

    address: bytes


@dataclass(frozen=True)
class Bind:
    """Use the lease: the address is new, or what comes with it has changed."""

    lease: Lease


@dataclass(frozen=True)
class Unbind:
    """Do not use the lease any more; `reason` says why."""

    lease: Lease
    reason: str


@dataclass(frozen=True)
class Note:
    """Something that a user wants to know."""

    text: str


Action = Send | Check | Bind | Unbind | Note


class Client:
    """The client of one interface. `draw` gives random numbers from 0 to 1; `broadcast` asks for broadcast answers,
    for who cannot hear anything else before it has an address."""

    def __init__(self, mac: bytes, draw: Callable[[], float], *, host_name: str = "", broadcast: bool = False) -> None:
        self.mac = mac
        self.state: str = STOPPED
        self.lease: Lease | None = None
        self.deadline: int | None = None
        self.error: str | None = None
        """Why there is no lease, or it was not extended, in words; None when all is well."""
        self.conflicts = 0
        self._draw = draw
        self._host_name = host_name
        self._broadcast = broadcast
        self._xid = 0
        self._began = 0  # when this attempt began, for `secs`
        self._sent_at = 0
        self._attempts = 0
        self._naks = 0
        self._offer: dhcpv4.Message | None = None
        self._new: Lease | None = None

    # -- what happens to it

    def start(self, now: int) -> list[Action]:
        """Ask for a lease, or, with one that is not over, whether it is still good."""
        self._began = now
        if self.lease is not None and now < self.lease.expires_at:
            return self._enter(REBOOTING, now)
        return [*self._drop_lease("it has expired"), *self._enter(SELECTING, now)]

    def stop(self) -> None:
        """Be silent, as with the cable out. The lease stays."""
        self.state = STOPPED
        self.deadline = None if self.lease is None or self.lease.expires_at == NEVER else self.lease.expires_at

    def forget(self) -> None:
        """Forget everything, as in a power cut."""
        self.state, self.lease, self.deadline = STOPPED, None, None
        self._offer = self._new = None

    def renew(self, now: int) -> list[Action]:
        """Extend the lease now; without one, ask for one."""
        if self.lease is None:
            return self.start(now)
        return self._enter(RENEWING, now)

    def release(self, now: int) -> list[Action]:
        """Give the lease back (RFC 2131 4.4.6), and stop."""
        lease = self.lease
        self.stop()
        self.deadline = None
        if lease is None:
            return []
        self._new_transaction(now)
        message = self._message(
            dhcpv4.RELEASE, now, [(dhcpv4.SERVER_ID, lease.server)], ciaddr=lease.address, parameters=False
        )
        return [Send(message, lease.server), *self._drop_lease("it was released")]

    def handle_timer(self, now: int) -> list[Action]:
        """The deadline has come."""
        lease, self.deadline = self.lease, None
        if lease is not None and now >= lease.expires_at and self.state != CHECKING:
            self.error = "the lease has expired"
            gone = self._drop_lease("it has expired")
            return gone if self.state == STOPPED else [*gone, *self._enter(SELECTING, now)]
        match self.state:
            case "init":
                return self._enter(SELECTING, now)
            case "selecting":
                self.error = "no DHCP server has answered"
                return self._again(now)
            case "requesting" if self._attempts < REQUEST_LIMIT:
                return self._again(now)
            case "requesting":
                self.error = "the server does not answer a request for what it offered"
                return self._enter(SELECTING, now)
            case "rebooting" if self._attempts < REBOOT_LIMIT:
                return self._again(now)
            case "rebooting":
                return self._keep(now)
            case "bound":
                return self._enter(RENEWING, now)
            case "renewing" if lease is not None and now >= lease.rebind_at:
                return self._enter(REBINDING, now)
            case "renewing" | "rebinding":
                self.error = "no answer to a request to extend the lease"
                return self._again(now)
        return []

    def receive(self, message: dhcpv4.Message, now: int) -> list[Action]:
        """A message has come; what is not for us, or answers no question of ours, is ignored."""
        if message.operation != dhcpv4.BOOTREPLY or message.xid != self._xid or message.chaddr != self.mac:
            return []
        match message.kind, self.state:
            case dhcpv4.OFFER, "selecting" if is_acceptable(message):
                self._offer = message
                return self._enter(REQUESTING, now)
            case dhcpv4.ACK, "requesting" | "renewing" | "rebinding" | "rebooting" if is_acceptable(message):
                return self._acknowledged(message, now)
            case dhcpv4.NAK, "requesting" | "renewing" | "rebinding" | "rebooting" if self._may_refuse(message):
                return self._refused(message, now)
        return []

    def handle_free(self, now: int) -> list[Action]:
        """Nobody uses the address that was checked."""
        if self.state != CHECKING or self._new is None:
            return []
        lease, self._new = self._new, None
        self.conflicts = 0
        return [*self._drop_lease("another address was given"), *self._bind(lease)]

    def handle_conflict(self, user: str, now: int) -> list[Action]:
        """Somebody uses the address that was checked, or that we have: decline it (RFC 2131 3.1.5), and wait."""
        lease = self._new if self.state == CHECKING else self.lease
        if lease is None:
            return []
        self._new = None
        self.conflicts += 1
        gone = [] if self.lease is None else self._drop_lease(f"{user} uses it as well")
        options = [(dhcpv4.REQUESTED_ADDRESS, lease.address), (dhcpv4.SERVER_ID, lease.server)]
        self._new_transaction(now)
        decline = self._message(dhcpv4.DECLINE, now, options, parameters=False)
        self.state = INIT
        self.deadline = now + (CONFLICT_WAIT if self.conflicts >= CONFLICT_LIMIT else DECLINE_WAIT)
        self.error = f"{format_ip(lease.address)} was declined: {user} uses it"
        return [*gone, Send(decline), Note(self.error)]

    # -- inside

    def _enter(self, state: str, now: int) -> list[Action]:
        """Enter a state that begins with a message. The request for an offer belongs to its discovery."""
        self.state = state
        self._attempts = 0
        if state != REQUESTING:
            self._new_transaction(now)
        return self._again(now)

    def _new_transaction(self, now: int) -> None:
        self._xid = min(int(self._draw() * (1 << 32)), (1 << 32) - 1)
        self._began = now

    def _again(self, now: int) -> list[Action]:
        """Send the state's message once more, and say when to do so again."""
        self._attempts += 1
        self.deadline = now + self._patience(now)
        lease, offer = self.lease, self._offer
        self._sent_at = now
        if self.state == SELECTING:
            self._offer = None
            return [Send(self._message(dhcpv4.DISCOVER, now))]
        if self.state == REQUESTING:
            assert offer is not None
            server = offer.address(dhcpv4.SERVER_ID)
            assert server is not None
            options = [(dhcpv4.REQUESTED_ADDRESS, offer.yiaddr), (dhcpv4.SERVER_ID, server)]
            return [Send(self._message(dhcpv4.REQUEST, now, options))]
        assert lease is not None
        if self.state == REBOOTING:
            return [Send(self._message(dhcpv4.REQUEST, now, [(dhcpv4.REQUESTED_ADDRESS, lease.address)]))]
        message = self._message(dhcpv4.REQUEST, now, ciaddr=lease.address)
        return [Send(message, lease.server if self.state == RENEWING else None)]

    def _patience(self, now: int) -> int:
        """How long to wait for an answer (ns)."""
        lease = self.lease
        if self.state in (RENEWING, REBINDING):
            assert lease is not None
            end = lease.rebind_at if self.state == RENEWING else lease.expires_at
            if end <= now:  # renewed by hand after T2
                end = lease.expires_at
            return min(max((end - now) // 2, LEAST_RENEWAL), end - now)
        delay = min(FIRST_DELAY << self._attempts - 1, LONGEST_DELAY)
        return delay + round((2 * self._draw() - 1) * JITTER)

    def _acknowledged(self, message: dhcpv4.Message, now: int) -> list[Action]:
        lease = lease_of(message, self._sent_at)
        self._naks = 0
        self.error = None
        if self.lease is not None and lease.address == self.lease.address and lease.length == self.lease.length:
            return self._bind(lease)
        self._new = lease
        self.state = CHECKING
        self.deadline = None
        return [Check(lease.address)]

    def _bind(self, lease: Lease) -> list[Action]:
        self.lease = lease
        self._to_bound()
        return [Bind(lease)]

    def _keep(self, now: int) -> list[Action]:
        """Nobody answers; the lease is good until its end all the same (RFC 2131 3.2)."""
        self.error = "no answer to the question whether the lease is still good"
        self._to_bound()
        if self.deadline is not None and self.deadline <= now:
            return self._enter(RENEWING, now)
        return []

    def _to_bound(self) -> None:
        lease = self.lease
        assert lease is not None
        self.state = BOUND
        self.deadline = None if lease.renew_at == NEVER else lease.renew_at

    def _may_refuse(self, message: dhcpv4.Message) -> bool:
        """Whether a NAK is of the server that was asked, if one was."""
        offer = self._offer
        asked = offer.address(dhcpv4.SERVER_ID) if self.state == REQUESTING and offer is not None else None
        return asked is None or message.address(dhcpv4.SERVER_ID) == asked

    def _refused(self, message: dhcpv4.Message, now: int) -> list[Action]:
        """A NAK: begin anew (RFC 2131 4.4.1), at once for the first time, then ever later."""
        reason = message.text(dhcpv4.MESSAGE)
        self.error = f"the server refuses: {reason}" if reason else "the server refuses"
        gone = self._drop_lease("the server refuses it")
        self._naks += 1
        if self._naks == 1:
            return [*gone, *self._enter(SELECTING, now)]
        self.state = INIT
        self.deadline = now + min(NAK_WAIT << self._naks - 2, LONGEST_DELAY)
        return gone

    def _drop_lease(self, reason: str) -> list[Action]:
        lease, self.lease = self.lease, None
        return [] if lease is None else [Unbind(lease, reason)]

    def _message(
        self,
        kind: int,
        now: int,
        options: list[dhcpv4.Option] | None = None,
        *,
        ciaddr: bytes = IPV4_ANY,
        parameters: bool = True,
    ) -> dhcpv4.Message:
        """A message of ours (RFC 2131 4.4.1, table 5)."""
        written: list[dhcpv4.Option] = [(dhcpv4.MESSAGE_TYPE, bytes((kind,)))]
        written.append((dhcpv4.CLIENT_ID, bytes((dhcpv4.ETHERNET,)) + self.mac))
        written += options or []
        if parameters:
            if self._host_name:
                written.append((dhcpv4.HOST_NAME, self._host_name.encode("ascii", "replace")))
            written.append((dhcpv4.PARAMETER_LIST, PARAMETERS))
            written.append((dhcpv4.MAXIMUM_SIZE, (1500).to_bytes(2, "big")))
        return dhcpv4.Message(
            dhcpv4.BOOTREQUEST,
            self._xid,
            self.mac,
            tuple(written),
            secs=0 if not parameters else min((now - self._began) // SECOND, 0xFFFF),
            flags=dhcpv4.BROADCAST_FLAG if self._broadcast and ciaddr == IPV4_ANY and parameters else 0,
            ciaddr=ciaddr,
        )
