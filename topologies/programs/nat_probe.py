"""What kind of NAT is between here and a STUN server? The procedure of RFC 5780.

python nat_probe.py SERVER [PORT] [--lifetime]

mapping    (4.3) ask the server, its other address, and its other address and port: is the outside port the same?
filtering  (4.4) let the server answer from its other address, and from its other port: does that come through?
hairpin    (4.5) write to one's own outside address from another socket: does it arrive, and from which source?
lifetime   (4.6) let the server answer after a while, on a mapping of which nothing else keeps it: how long is it
           there? Searched by halves, to a second.
"""

import ipaddress
import itertools
import socket
import struct
import sys

COOKIE = 0x2112A442
CHANGE_REQUEST, XOR_MAPPED_ADDRESS, OTHER_ADDRESS, WAIT = 0x0003, 0x0020, 0x802C, 0xC001
CHANGE_IP, CHANGE_PORT = 4, 2
PATIENCE, TRIES = 0.5, 3
LONGEST = 1024  # seconds; who keeps a mapping longer is not asked how long

NAMES = {
    ("endpoint-independent", "endpoint-independent"): "full-cone",
    ("endpoint-independent", "address-dependent"): "address-restricted",
    ("endpoint-independent", "address-and-port-dependent"): "port-restricted",
    ("address-and-port-dependent", "address-and-port-dependent"): "symmetric",
}
numbers = itertools.count(1)


def request(attributes):
    transaction = next(numbers).to_bytes(12, "big")
    body = b"".join(struct.pack("!HHI", name, 4, value) for name, value in attributes)
    return transaction, struct.pack("!HHI", 0x0001, len(body), COOKIE) + transaction + body


def read(data, transaction):
    """What an answer to us says: our outside end, and the server's other end; None for other datagrams."""
    if len(data) < 20 or data[:2] != b"\x01\x01" or data[8:20] != transaction:
        return None
    found, at = {}, 20
    while at + 12 <= len(data):
        name, size = struct.unpack_from("!HH", data, at)
        _, _, port, address = struct.unpack_from("!BBHI", data, at + 4)
        if name == XOR_MAPPED_ADDRESS:
            port, address = port ^ COOKIE >> 16, address ^ COOKIE
        found[name] = (str(ipaddress.IPv4Address(address)), port)
        at += 4 + size
    return found[XOR_MAPPED_ADDRESS], found[OTHER_ADDRESS]


def ask(sock, server, *attributes, patience=PATIENCE, tries=TRIES):
    """The answer of a server, None when none comes."""
    transaction, data = request(attributes)
    for _ in range(tries):
        sock.sendto(data, server)
        sock.settimeout(patience)
        try:
            while True:
                answer = read(sock.recv(2048), transaction)
                if answer is not None:
                    return answer
        except (TimeoutError, ConnectionError):
            pass
    return None


def fresh():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 0))
    return sock


def mapping(server):
    with fresh() as sock:
        first, other = ask(sock, server)
        second, _ = ask(sock, (other[0], server[1]))
        third, _ = ask(sock, other)
    if first == second == third:
        return "endpoint-independent"
    return "address-dependent" if second == third else "address-and-port-dependent"


def filtering(server):
    with fresh() as sock:
        ask(sock, server)
        if ask(sock, server, (CHANGE_REQUEST, CHANGE_IP | CHANGE_PORT)) is not None:
            return "endpoint-independent"
        if ask(sock, server, (CHANGE_REQUEST, CHANGE_PORT)) is not None:
            return "address-dependent"
    return "address-and-port-dependent"


def hairpin(server):
    """The second socket is written to from the first, and answers; so even who filters by port lets it through."""
    with fresh() as one, fresh() as two:
        (outside_one, _), (outside_two, _) = ask(one, server), ask(two, server)
        two.sendto(b"open", outside_one)
        one.sendto(b"hello", outside_two)
        two.settimeout(PATIENCE)
        try:
            data, source = two.recvfrom(100)
        except (TimeoutError, ConnectionError):
            return "no"
        if data != b"hello":
            return "no"
        return "yes" if source == outside_one else f"with the source {source[0]}"


def survives(server, seconds):
    """Whether an answer comes through that is sent when nothing was said for so long."""
    with fresh() as sock:
        return ask(sock, server, (WAIT, seconds), patience=seconds + PATIENCE, tries=1) is not None


def lifetime(server):
    alive, dead = 0, LONGEST
    if survives(server, LONGEST):
        return f"more than {LONGEST} s"
    while dead - alive > 1:
        middle = (alive + dead) // 2
        if survives(server, middle):
            alive = middle
        else:
            dead = middle
    return f"{dead} s"


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    server = (words[0], int(words[1]) if len(words) > 1 else 3478)
    with fresh() as sock:
        sock.connect(server)  # sends nothing: it only chooses the address from which it would
        own = sock.getsockname()[0]
        sock.close()
    with fresh() as sock:
        answer = ask(sock, server)
    if answer is None:
        sys.exit("no answer: UDP does not get through")
    if answer[0][0] == own:
        print("no NAT")
        return
    kind = mapping(server), filtering(server)
    print(f"outside address {answer[0][0]}")
    print(f"mapping {kind[0]}")
    print(f"filtering {kind[1]}")
    print(f"kind {NAMES.get(kind, 'without a name')}")
    print(f"hairpin {hairpin(server)}")
    if "--lifetime" in sys.argv:
        print(f"lifetime {lifetime(server)}")


if __name__ == "__main__":
    main()
