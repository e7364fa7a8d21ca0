"""Pings a host, with a raw socket.

    python ping.py [-c COUNT] [-i SECONDS] [-t TTL] [-W SECONDS] HOST

On a real machine it must run as root: the program sees all ICMP messages that the machine receives, with their IP
headers, and picks out what belongs to its own echo requests.
"""

import argparse
import os
import socket
import struct
import time

ECHO_REPLY, UNREACHABLE, ECHO_REQUEST, TIME_EXCEEDED = 0, 3, 8, 11
REASONS = {
    (UNREACHABLE, 0): "Destination Net Unreachable",
    (UNREACHABLE, 1): "Destination Host Unreachable",
    (UNREACHABLE, 2): "Destination Protocol Unreachable",
    (UNREACHABLE, 3): "Destination Port Unreachable",
    (UNREACHABLE, 13): "Packet filtered",
    (TIME_EXCEEDED, 0): "Time to live exceeded",
}
DATA = bytes(range(56))


def checksum(data):
    """The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(identifier, sequence):
    header = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum(header + DATA), identifier, sequence) + DATA


def message_of(packet):
    """The ICMP message in an IP packet: type, code, identifier, sequence, and what follows."""
    message = packet[(packet[0] & 0x0F) * 4 :]
    kind, code, _, identifier, sequence = struct.unpack("!BBHHH", message[:8])
    return kind, code, identifier, sequence, message[8:]


def wait(sock, identifier, sequence, deadline):
    """Wait for the answer to a request: True for a reply, False for an error, None when nothing has come in time."""
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            packet, (sender, _) = sock.recvfrom(65536)
        except TimeoutError:
            break
        kind, code, number, place, rest = message_of(packet)
        if kind == ECHO_REPLY and (number, place) == (identifier, sequence):
            print(f"{len(rest) + 8} bytes from {sender}: icmp_seq={sequence} ttl={packet[8]}", end=" ")
            return True
        is_error = kind in (UNREACHABLE, TIME_EXCEEDED) and len(rest) >= 28
        if is_error and message_of(rest)[2:4] == (identifier, sequence):  # it quotes the packet that it is about
            reason = REASONS.get((kind, code), f"ICMP type {kind}, code {code}")
            print(f"From {sender} icmp_seq={sequence} {reason}", flush=True)
            return False
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("-c", dest="count", type=int, default=4)
    parser.add_argument("-i", dest="interval", type=float, default=1)
    parser.add_argument("-t", dest="ttl", type=int, default=64)
    parser.add_argument("-W", dest="timeout", type=float, default=10)
    options = parser.parse_args()
    address = socket.gethostbyname(options.host)
    identifier = os.getpid() & 0xFFFF
    times, errors = [], 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, options.ttl)
        print(f"PING {options.host} ({address}) {len(DATA)}({len(DATA) + 28}) bytes of data.", flush=True)
        begin = time.monotonic()
        for sequence in range(1, options.count + 1):
            sent = time.monotonic()
            sock.sendto(echo_request(identifier, sequence), (address, 0))
            answer = wait(sock, identifier, sequence, sent + options.timeout)
            if answer:
                times.append((time.monotonic() - sent) * 1000)
                print(f"time={times[-1]:.3f} ms", flush=True)
            elif answer is False:
                errors += 1
            if sequence < options.count:
                time.sleep(max(0, sent + options.interval - time.monotonic()))
        elapsed = (time.monotonic() - begin) * 1000
    lost = round(100 * (options.count - len(times)) / options.count)
    print(f"\n--- {options.host} ping statistics ---")
    failed = f"+{errors} errors, " if errors else ""
    counts = f"{options.count} packets transmitted, {len(times)} received, {failed}{lost}% packet loss"
    print(f"{counts}, time {elapsed:.0f}ms")
    if times:
        average = sum(times) / len(times)
        deviation = (sum(each * each for each in times) / len(times) - average**2) ** 0.5
        print(f"rtt min/avg/max/mdev = {min(times):.3f}/{average:.3f}/{max(times):.3f}/{deviation:.3f} ms")
    return 0 if times else 1


if __name__ == "__main__":
    raise SystemExit(main())
