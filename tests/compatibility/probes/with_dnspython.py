"""Resolver, blocking and asyncio, against a small DNS server on UDP and TCP: A, MX, NXDOMAIN, retry, truncation, reverse."""

import asyncio
import socket
import struct
import sys
import threading

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.reversename
import dns.rrset

LIBRARIES = ("dnspython",)
REPEATS = "bytes"
EXPECTED = """A: ['192.0.2.1', '192.0.2.2']
MX: 10 mail.example.test.
NXDOMAIN: nowhere.example.test.
lossy: ['192.0.2.9'] after 1 lost
truncated, so over TCP: 60
reverse: ['www.example.test.']
timeout: LifetimeTimeout
asyncio: ['192.0.2.1', '192.0.2.2']"""
RECORDS = {
    "www.example.test. A": ["192.0.2.1", "192.0.2.2"],
    "example.test. MX": ["10 mail.example.test."],
    "lossy.example.test. A": ["192.0.2.9"],
    "large.example.test. TXT": [f'"{"x" * 60}{number}"' for number in range(60)],
    "1.2.0.192.in-addr.arpa. PTR": ["www.example.test."],
}
lost: list[str] = []


def reply_to(data: bytes, most: int) -> bytes | None:
    query = dns.message.from_wire(data)
    question = query.question[0]
    name = str(question.name)
    if name.startswith("silent") or (name.startswith("lossy") and not lost):
        lost.append(name)
        return None
    reply = dns.message.make_response(query)
    kind = dns.rdatatype.to_text(question.rdtype)
    values = RECORDS.get(f"{name} {kind}")
    if values is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    else:
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
    wire = reply.to_wire(max_size=65_535)
    if len(wire) > most:
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        wire = reply.to_wire()
    return bytes(wire)


def over_tcp(host: str, port: int) -> None:
    with socket.create_server((host, port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                size = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
                reply = reply_to(connection.recv(size, socket.MSG_WAITALL), 65_535)
                connection.sendall(struct.pack("!H", len(reply or b"")) + (reply or b""))


def server(host: str, folder: str, port: int) -> None:
    threading.Thread(target=over_tcp, args=(host, port), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        while True:
            data, address = sock.recvfrom(4096)
            reply = reply_to(data, 1232)
            if reply is not None:
                sock.sendto(reply, address)


def client(host: str, folder: str, port: int) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [socket.gethostbyname(host)]
    resolver.port = port
    print("A:", sorted(str(record) for record in resolver.resolve("www.example.test", "A")))
    print("MX:", *[str(record) for record in resolver.resolve("example.test", "MX")])
    try:
        resolver.resolve("nowhere.example.test")
    except dns.resolver.NXDOMAIN as error:
        print("NXDOMAIN:", error.qnames()[0])
    print("lossy:", [str(record) for record in resolver.resolve("lossy.example.test")], "after 1 lost")
    print("truncated, so over TCP:", len(resolver.resolve("large.example.test", "TXT")))
    print("reverse:", [str(record) for record in resolver.resolve(dns.reversename.from_address("192.0.2.1"), "PTR")])
    try:
        resolver.resolve("silent.example.test", lifetime=5)
    except dns.resolver.LifetimeTimeout as error:
        print("timeout:", type(error).__name__)
    asyncio.run(asynchronously(resolver.nameservers[0], port))


async def asynchronously(address: str, port: int) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [address]
    resolver.port = port
    print("asyncio:", sorted(str(record) for record in await resolver.resolve("www.example.test", "A")))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
