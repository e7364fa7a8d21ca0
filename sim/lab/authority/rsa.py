"""RSA (RFC 8017): keys from a random stream, and PKCS #1 v1.5 signatures with SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from random import Random
from typing import Final

from sim.lab.authority import der

BITS: Final = 2048
EXPONENT: Final = 65_537
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
SIEVE: Final = 20_000
"""Candidates that a prime below this divides are not tried: eight of nine."""
RUN: Final = 4_000
"""Odd numbers that are sieved at once."""
WITNESSES: Final = (2, 3, 5, 7, 11)
"""Bases of the Miller-Rabin test. For numbers drawn at random one would do: a composite of 1024 bits passes with a
probability far below 2^-80 (Damgard, Landrock and Pomerance 1993)."""
SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DigestInfo before a SHA-256 digest (RFC 8017 9.2, note 1)."""


@dataclass(frozen=True)
class PrivateKey:
    """The primes of a key, from which all else follows."""

    p: int
    q: int

    @property
    def modulus(self) -> int:
        return self.p * self.q

    @property
    def exponent(self) -> int:
        """The private exponent."""
        return pow(EXPONENT, -1, (self.p - 1) * (self.q - 1))

    def sign(self, message: bytes) -> bytes:
        """The signature, which has as many bytes as the modulus (RFC 8017 8.2.1)."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = SHA256_INFO + sha256(message).digest()
        padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
        return pow(int.from_bytes(padded, "big"), self.exponent, self.modulus).to_bytes(size, "big")

    def public_info(self) -> bytes:
        """SubjectPublicKeyInfo (RFC 5280 4.1.2.7)."""
        key = der.sequence(der.integer(self.modulus), der.integer(EXPONENT))
        return der.sequence(der.sequence(der.identifier(RSA_ENCRYPTION), der.null()), der.bits(key))

    def pem(self) -> str:
        """The whole key as PKCS #8 text (RFC 5958)."""
        p, q, d = self.p, self.q, self.exponent
        numbers = (0, p * q, EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        key = der.sequence(*(der.integer(number) for number in numbers))
        algorithm = der.sequence(der.identifier(RSA_ENCRYPTION), der.null())
        return der.pem("PRIVATE KEY", der.sequence(der.integer(0), algorithm, der.octets(key)))


def make_key(random: Random, size: int = BITS) -> PrivateKey:
    """A key whose modulus has `size` bits."""
    p = _prime(random, size // 2)
    q = _prime(random, size // 2)
    return PrivateKey(max(p, q), min(p, q)) if p != q else make_key(random, size)


def _prime(random: Random, size: int) -> int:
    """A prime of `size` bits whose two highest are set, so that a product of two has twice as many."""
    while True:
        start = random.getrandbits(size) | 3 << (size - 2) | 1
        for place in _candidates(start):
            number = start + 2 * place
            if number.bit_length() == size and (number - 1) % EXPONENT and is_prime(number):
                return number


def _candidates(start: int) -> list[int]:
    """The i for which no small prime divides start + 2 i; start is odd."""
    left = bytearray(b"\1") * RUN
    for prime in _small_primes():
        first = -start * ((prime + 1) // 2) % prime
        left[first::prime] = bytes(len(range(first, RUN, prime)))
    return [place for place in range(RUN) if left[place]]


@cache
def _small_primes() -> tuple[int, ...]:
    """The odd primes below SIEVE."""
    left = bytearray(b"\1") * SIEVE
    for number in range(2, int(SIEVE**0.5) + 1):
        if left[number]:
            left[number * number :: number] = bytes(len(range(number * number, SIEVE, number)))
    return tuple(number for number in range(3, SIEVE) if left[number])


def is_prime(number: int) -> bool:
    """Whether an odd number above 11 passes the Miller-Rabin test."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    return all(_passes(number, base, odd, twos) for base in WITNESSES)


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
