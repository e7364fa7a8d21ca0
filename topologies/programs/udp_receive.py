"""Receives UDP datagrams on a port that it binds, and answers each.

python udp_receive.py [ADDRESS [PORT [COUNT]]]
"""

import socket
import sys


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8888
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((address, port))
        print(f"bound to port {receiver.getsockname()[1]}", flush=True)
        for _ in range(count):
            data, sender = receiver.recvfrom(1024)
            print(f"{len(data)} bytes from {sender[0]}: {data.decode('utf-8')}", flush=True)
            receiver.sendto(b"got " + data, sender)


if __name__ == "__main__":
    main()
