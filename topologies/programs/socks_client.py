"""Fetches a page through a SOCKS5 proxy (RFC 1928), byte by byte as the RFC has it.

python socks_client.py PROXY PORT HOST HOST_PORT [USER PASSWORD]
"""

import socket
import sys

REPLIES = ("succeeded", "general failure", "not allowed", "network unreachable", "host unreachable")
REPLIES = (*REPLIES, "connection refused", "TTL expired", "command not supported", "address type not supported")


def receive(connection, size):
    found = b""
    while len(found) < size:
        data = connection.recv(size - len(found))
        if not data:
            sys.exit("the proxy has hung up")
        found += data
    return found


def authenticate(connection, user, password):
    method = 2 if user else 0
    connection.sendall(bytes((5, 1, method)))
    _, chosen = receive(connection, 2)
    if chosen != method:
        sys.exit("the proxy wants another method")
    if user:
        connection.sendall(b"\1" + bytes((len(user),)) + user.encode() + bytes((len(password),)) + password.encode())
        _, status = receive(connection, 2)
        if status:
            sys.exit("wrong password")


def main():
    proxy, proxy_port, host, port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    user, password = sys.argv[5:7] if len(sys.argv) > 6 else ("", "")
    with socket.create_connection((proxy, proxy_port), timeout=60) as connection:
        authenticate(connection, user, password)
        name = host.encode()
        connection.sendall(b"\5\1\0\3" + bytes((len(name),)) + name + port.to_bytes(2, "big"))
        code = receive(connection, 10)[1]
        if code:
            sys.exit(REPLIES[code])
        print("through", flush=True)
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(1000):
            answer += data
    head, _, content = answer.partition(b"\r\n\r\n")
    print(head.splitlines()[0].decode(), content.decode().strip(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
