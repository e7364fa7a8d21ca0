"""A meeting point for two who are behind NATs: tells each of a pair where the other seems to come from.

    python rendezvous.py [PORT]

Over UDP and TCP: who says `ROOM NAME` hears `ADDRESS PORT` of the other in the room, once there is one.
"""

import selectors
import socket
import sys


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7000
    selector = selectors.DefaultSelector()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("0.0.0.0", port))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen()
    selector.register(datagrams, selectors.EVENT_READ)
    selector.register(listener, selectors.EVENT_READ)
    rooms = {}

    def enter(words, address, tell):
        room, name = words.split()
        members = rooms.setdefault(room, {})
        members[name] = (address, tell)
        if len(members) == 2:
            (first, tell_first), (second, tell_second) = members.values()
            tell_first(f"{second[0]} {second[1]}".encode())
            tell_second(f"{first[0]} {first[1]}".encode())

    while True:
        for key, _ in selector.select():
            sock = key.fileobj
            if sock is datagrams:
                words, address = sock.recvfrom(100)
                enter("udp-" + words.decode(), address, lambda text, to=address: datagrams.sendto(text, to))
            elif sock is listener:
                connection, address = listener.accept()
                selector.register(connection, selectors.EVENT_READ, address)
            else:
                words = sock.recv(100)
                if words:
                    enter("tcp-" + words.decode(), key.data, sock.sendall)
                else:
                    selector.unregister(sock)
                    sock.close()


if __name__ == "__main__":
    main()
