"""X.509 certificates (RFC 5280): of an authority, and of servers by their names and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1, sha256
from ipaddress import IPv4Address
from typing import Final

from sim.lab.authority import der
from sim.lab.authority.rsa import PrivateKey

SHA256_WITH_RSA: Final = "1.2.840.113549.1.1.11"
COMMON_NAME: Final = "2.5.4.3"
ORGANIZATION: Final = "2.5.4.10"
SUBJECT_KEY: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
ALTERNATIVE_NAMES: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
AUTHORITY_KEY: Final = "2.5.29.35"
EXTENDED_USAGE: Final = "2.5.29.37"
SERVER_AUTHENTICATION: Final = "1.3.6.1.5.5.7.3.1"
DIGITAL_SIGNATURE: Final = der.bits(b"\xa0", 5)  # and key encipherment, for old clients
SIGN_CERTIFICATES: Final = der.bits(b"\x06", 1)  # and revocation lists

DNS_NAME, ADDRESS = 0x82, 0x87  # GeneralName [2] and [7]

Validity = tuple[str, str]
GOOD: Final[Validity] = ("250101000000Z", "491231235959Z")
"""Networks begin on 2026-01-01, but OpenSSL judges dates by the real clock: it must be content with both."""
EXPIRED: Final[Validity] = ("240101000000Z", "250101000000Z")


@dataclass(frozen=True)
class Party:
    """Who holds a key."""

    name: str
    key: PrivateKey

    def distinguished(self) -> bytes:
        """The name as certificates have it."""
        pairs = ((ORGANIZATION, "packetsim lab"), (COMMON_NAME, self.name[:64]))  # ub-common-name
        return der.sequence(*(der.set_of(der.sequence(der.identifier(kind), der.text(value))) for kind, value in pairs))

    def key_id(self) -> bytes:
        """What the key is called: a hash of it (RFC 5280 4.2.1.2)."""
        return sha1(self.key.public_info(), usedforsecurity=False).digest()


def root(issuer: Party) -> bytes:
    """The authority's own certificate, signed by itself."""
    extensions = (
        _extension(BASIC_CONSTRAINTS, der.sequence(der.boolean(True)), critical=True),
        _extension(KEY_USAGE, SIGN_CERTIFICATES, critical=True),
        _extension(SUBJECT_KEY, der.octets(issuer.key_id())),
    )
    return _signed(issuer, issuer, GOOD, extensions)


def server(subject: Party, issuer: Party, names: tuple[str, ...], validity: Validity = GOOD) -> bytes:
    """The certificate of a server for `names`: host names, also with `*`, and IPv4 addresses."""
    extensions = (
        _extension(BASIC_CONSTRAINTS, der.sequence(), critical=True),
        _extension(KEY_USAGE, DIGITAL_SIGNATURE, critical=True),
        _extension(EXTENDED_USAGE, der.sequence(der.identifier(SERVER_AUTHENTICATION))),
        _extension(ALTERNATIVE_NAMES, der.sequence(*map(_general_name, names))),
        _extension(SUBJECT_KEY, der.octets(subject.key_id())),
        _extension(AUTHORITY_KEY, der.sequence(der.tagged(0x80, issuer.key_id()))),
    )
    return _signed(subject, issuer, validity, extensions)


def _general_name(name: str) -> bytes:
    try:
        return der.tagged(ADDRESS, IPv4Address(name).packed)
    except ValueError:
        return der.tagged(DNS_NAME, name.encode("idna" if not name.isascii() else "ascii"))


def _extension(kind: str, value: bytes, critical: bool = False) -> bytes:
    marks = (der.boolean(True),) if critical else ()
    return der.sequence(der.identifier(kind), *marks, der.octets(value))


def _signed(subject: Party, issuer: Party, validity: Validity, extensions: tuple[bytes, ...]) -> bytes:
    algorithm = der.sequence(der.identifier(SHA256_WITH_RSA), der.null())
    public = subject.key.public_info()
    rest = (
        algorithm,
        issuer.distinguished(),
        der.sequence(*map(der.utc_time, validity)),
        subject.distinguished(),
        public,
        der.explicit(3, der.sequence(*extensions)),
    )
    serial = int.from_bytes(sha256(b"".join(rest)).digest()[:16], "big") >> 1 | 1 << 126  # one length for all
    body = der.sequence(der.explicit(0, der.integer(2)), der.integer(serial), *rest)
    return der.sequence(body, algorithm, der.bits(issuer.key.sign(body)))
