"""A STUN server with two addresses and two ports, that tells who asks where he seems to come from (RFC 8489, RFC 5780).

    python stun_server.py ADDRESS OTHER_ADDRESS [PORT [OTHER_PORT]]

CHANGE-REQUEST asks for the answer to come from the other address, the other port, or both. The same port answers over
TCP as well, and there is one attribute of our own, WAIT: answer only after so many seconds. Each answer names the
server's other address.
"""

import heapq
import ipaddress
import selectors
import socket
import struct
import sys
import time

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
CHANGE_REQUEST, XOR_MAPPED_ADDRESS, OTHER_ADDRESS = 0x0003, 0x0020, 0x802C
WAIT = 0xC001
CHANGE_IP, CHANGE_PORT = 4, 2


def parse(data):
    """Type, transaction and attributes of a message; None for anything else."""
    if len(data) < 20:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", data)
    if cookie != COOKIE or length != len(data) - 20 or length % 4:
        return None
    attributes, at = {}, 20
    while at + 4 <= len(data):
        name, size = struct.unpack_from("!HH", data, at)
        attributes[name] = data[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return kind, data[8:20], attributes


def emit(kind, transaction, attributes):
    body = b"".join(
        struct.pack("!HH", name, len(value)) + value + b"\0" * (-len(value) % 4) for name, value in attributes
    )
    return struct.pack("!HHI", kind, len(body), COOKIE) + transaction + body


def xored(address):
    """An address as XOR-MAPPED-ADDRESS has it: NATs must not recognise it (RFC 8489 14.2)."""
    number = int(ipaddress.IPv4Address(address[0])) ^ COOKIE
    return struct.pack("!BBHI", 0, 1, address[1] ^ COOKIE >> 16, number)


def plain(address):
    return struct.pack("!BBHI", 0, 1, address[1], int(ipaddress.IPv4Address(address[0])))


class Server:
    def __init__(self, addresses, ports):
        self.ends = [(address, port) for address in addresses for port in ports]
        self.selector = selectors.DefaultSelector()
        self.sockets = {}
        self.later = []
        for end in self.ends:
            plain_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            plain_socket.bind(end)
            self.sockets[end] = plain_socket
            self.selector.register(plain_socket, selectors.EVENT_READ, (self.datagram, end))
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(end)
            listener.listen()
            self.selector.register(listener, selectors.EVENT_READ, (self.accept, end))

    def other(self, end, change):
        """The end that differs in what is to change."""
        for candidate in self.ends:
            changes = (CHANGE_IP if candidate[0] != end[0] else 0) | (CHANGE_PORT if candidate[1] != end[1] else 0)
            if changes == change:
                return candidate
        return end

    def answer(self, transaction, sender, end):
        far = self.other(end, CHANGE_IP | CHANGE_PORT)
        return emit(BINDING_RESPONSE, transaction, [(XOR_MAPPED_ADDRESS, xored(sender)), (OTHER_ADDRESS, plain(far))])

    def datagram(self, plain_socket, end):
        data, sender = plain_socket.recvfrom(2048)
        message = parse(data)
        if message is None or message[0] != BINDING_REQUEST:
            return
        _, transaction, attributes = message
        change = struct.unpack("!I", attributes.get(CHANGE_REQUEST, b"\0\0\0\0"))[0] & (CHANGE_IP | CHANGE_PORT)
        wait = struct.unpack("!I", attributes.get(WAIT, b"\0\0\0\0"))[0]
        back = self.answer(transaction, sender, end)
        heapq.heappush(self.later, (time.monotonic() + wait, sender, self.other(end, change), back))

    def accept(self, listener, end):
        connection, _ = listener.accept()
        self.selector.register(connection, selectors.EVENT_READ, (self.stream, end))

    def stream(self, connection, end):
        """One request, which comes in one piece, being short."""
        try:
            message = parse(connection.recv(2048))
            if message is not None and message[0] == BINDING_REQUEST:
                connection.sendall(self.answer(message[1], connection.getpeername(), end))
                return
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()

    def serve(self):
        while True:
            timeout = None if not self.later else max(0, self.later[0][0] - time.monotonic())
            for key, _ in self.selector.select(timeout):
                handle, end = key.data
                handle(key.fileobj, end)
            while self.later and self.later[0][0] <= time.monotonic():
                _, sender, end, back = heapq.heappop(self.later)
                self.sockets[end].sendto(back, sender)


if __name__ == "__main__":
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 3478
    second = int(sys.argv[4]) if len(sys.argv) > 4 else 3479
    Server(sys.argv[1:3], (first, second)).serve()
