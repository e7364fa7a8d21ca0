"""Sends UDP datagrams and prints what comes back.

    python udp_send.py ADDRESS PORT MESSAGE...

It binds no port: the kernel chooses one at the first sendto(), and it stays the same.
"""

import socket
import sys


def main():
    address, port, messages = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(2)
        ports = set()
        for message in messages:
            sender.sendto(message.encode("utf-8"), (address, port))
            ports.add(sender.getsockname()[1])
            try:
                print(sender.recv(1024).decode("utf-8"), flush=True)
            except TimeoutError:
                print("no answer", flush=True)
        print(f"sent from {len(ports)} port", flush=True)


if __name__ == "__main__":
    main()
