"""A number spread over 32 bits, so that any bits of it may choose: between equal paths, between equal sockets."""

from __future__ import annotations


def scatter(number: int) -> int:
    """32 bits, each of which depends on all bits of `number`: the last step of MurmurHash3 (A. Appleby)."""
    number = (number ^ number >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    number = (number ^ number >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return number ^ number >> 16
