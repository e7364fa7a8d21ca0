"""A TCP client with short connections: a connection for each message.

python tcp_short.py ADDRESS PORT MESSAGE...
"""

import socket
import sys


def ask(address, port, message):
    with socket.create_connection((address, port)) as connection:
        connection.sendall(message.encode("gbk"))
        return connection.recv(1024).decode("gbk")


def main():
    address, port, messages = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    for message in messages:
        print(ask(address, port, message), flush=True)
    print(f"{len(messages)} connections, {len(messages)} messages", flush=True)


if __name__ == "__main__":
    main()
