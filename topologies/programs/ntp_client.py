"""Asks an NTP server how late it is, and prints by how much our own clock is wrong (RFC 5905).

python ntp_client.py SERVER [PORT]
"""

import socket
import struct
import sys
import time

SINCE_1900 = 2_208_988_800  # seconds from 1900 to 1970
HEADER = struct.Struct("!BBbb11I")


def stamp(seconds):
    """Seconds since 1970 as NTP counts: two words, seconds since 1900 and their fraction."""
    whole = int((seconds + SINCE_1900) * 2**32)
    return whole >> 32 & 0xFFFFFFFF, whole & 0xFFFFFFFF


def unstamp(high, low):
    return high + low / 2**32 - SINCE_1900


def main():
    server, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 123
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(5)
        own.connect((server, port))
        own.send(bytes(HEADER.size))  # what is no request gets no answer
        sent = time.time()
        own.send(HEADER.pack(4 << 3 | 3, 0, 0, 0, *[0] * 9, *stamp(sent)))
        answer = HEADER.unpack(own.recv(1024)[: HEADER.size])
        arrived = time.time()
    received, transmitted = unstamp(*answer[11:13]), unstamp(*answer[13:15])
    offset = ((received - sent) + (transmitted - arrived)) / 2
    delay = (arrived - sent) - (transmitted - received)
    print(f"stratum {answer[1]}, offset {offset:+.3f} s, delay {delay:.3f} s", flush=True)


if __name__ == "__main__":
    main()
