"""A frame's fields at fixed offsets, read here once more so that the checks do not trust the code they check."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Address

FIN, SYN, RST, ACK = 1, 2, 4, 16
ICMP, TCP, UDP = 1, 6, 17


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


class Packet:
    """The frame `data`, which may be anything; what it has not got is 0, b"" or ""."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.to, self.by = data[:6], data[6:12]
        self.kind = number(data[12:14])
        self.is_ip = self.kind == 0x0800 and len(data) >= 34
        self.is_arp = self.kind == 0x0806 and len(data) >= 42
        self.ip = data[14:] if self.is_ip else b""

    @cached_property
    def header(self) -> int:
        return (self.ip[0] & 15) * 4 if self.ip else 0

    @cached_property
    def source(self) -> str:
        return str(IPv4Address(self.ip[12:16])) if self.ip else ""

    @cached_property
    def destination(self) -> str:
        return str(IPv4Address(self.ip[16:20])) if self.ip else ""

    @property
    def length(self) -> int:
        """Of the IP packet."""
        return number(self.ip[2:4])

    @property
    def protocol(self) -> int:
        return self.ip[9] if self.ip else 0

    @property
    def ttl(self) -> int:
        return self.ip[8] if self.ip else 0

    @property
    def may_be_cut(self) -> bool:
        return bool(self.ip) and not self.ip[6] & 0x40

    @property
    def offset(self) -> int:
        """Of a fragment, in bytes."""
        return (number(self.ip[6:8]) & 0x1FFF) * 8

    @property
    def is_fragment(self) -> bool:
        return bool(self.ip) and number(self.ip[6:8]) & 0x3FFF != 0

    @property
    def datagram(self) -> tuple[bytes, bytes, int, bytes]:
        """What fragments of one packet have in common."""
        return self.ip[12:16], self.ip[16:20], self.protocol, self.ip[4:6]

    @cached_property
    def payload(self) -> bytes:
        return self.ip[self.header : self.length]

    @property
    def source_port(self) -> int:
        return number(self.payload[:2])

    @property
    def destination_port(self) -> int:
        return number(self.payload[2:4])

    @property
    def sequence(self) -> int:
        return number(self.payload[4:8])

    @property
    def acknowledgment(self) -> int:
        return number(self.payload[8:12])

    @property
    def flags(self) -> int:
        return self.payload[13] if self.protocol == TCP and len(self.payload) >= 20 and not self.offset else 0

    @property
    def tcp_payload(self) -> bytes:
        return self.payload[(self.payload[12] >> 4) * 4 :] if self.protocol == TCP else b""

    @property
    def icmp_type(self) -> int:
        return self.payload[0] if self.protocol == ICMP and self.payload and not self.offset else -1

    @property
    def quoted(self) -> Packet:
        """What an ICMP error quotes, as a packet again."""
        return Packet(bytes(12) + b"\x08\x00" + self.payload[8:])

    @cached_property
    def ends(self) -> tuple[str, str]:
        """Source and destination with ports, as they stand in the notes of gateways; an ICMP query has its
        identifier for a port."""
        if self.protocol in (TCP, UDP):
            return f"{self.source}:{self.source_port}", f"{self.destination}:{self.destination_port}"
        identifier = number(self.payload[4:6])
        return f"{self.source}:{identifier}", f"{self.destination}:{identifier}"

    # -- ARP

    @property
    def is_question(self) -> bool:
        return self.is_arp and number(self.data[20:22]) == 1

    @property
    def sender_mac(self) -> bytes:
        return self.data[22:28]

    @property
    def sender_ip(self) -> bytes:
        return self.data[28:32] if self.is_arp else b""

    @property
    def target_ip(self) -> bytes:
        return self.data[38:42] if self.is_arp else b""
