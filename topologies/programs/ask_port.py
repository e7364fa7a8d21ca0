"""Connects, says what it is told to, and prints what comes back, at most so many bytes.

python ask_port.py SERVER PORT [BYTES [TEXT]]
"""

import socket
import sys


def main():
    server, port = sys.argv[1], int(sys.argv[2])
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    text = sys.argv[4] if len(sys.argv) > 4 else ""
    found = b""
    with socket.create_connection((server, port), timeout=30) as connection:
        connection.sendall(text.encode())
        if text:
            connection.shutdown(socket.SHUT_WR)
        while len(found) < most and (data := connection.recv(most - len(found))):
            found += data
    print(found.decode("utf-8", "replace").rstrip("\r\n"), flush=True)


if __name__ == "__main__":
    main()
