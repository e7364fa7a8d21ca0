"""A TCP client with a long connection: one connection for all messages.

python tcp_long.py ADDRESS PORT MESSAGE...
"""

import socket
import sys


def main():
    address, port, messages = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.connect((address, port))
        for message in messages:
            connection.sendall(message.encode("gbk"))
            print(connection.recv(1024).decode("gbk"), flush=True)
    print(f"1 connection, {len(messages)} messages", flush=True)


if __name__ == "__main__":
    main()
