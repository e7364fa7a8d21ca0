"""Two programs behind NATs talk to each other directly: hole punching (RFC 5128 3.3, 3.4).

    python hole_punch.py udp|tcp RENDEZVOUS PORT ROOM NAME

Both ask the rendezvous where the other seems to come from, and then write there at the same time: what goes out opens
the way for what comes in. An answer goes to where the other's words came from, wherever that is. Ends with 0 when both
have heard each other.
"""

import selectors
import socket
import sys
import time

PATIENCE, PAUSE = 20, 0.5


def udp(server, room, name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 4000))
    sock.settimeout(PAUSE)
    peer = heard = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if peer is None:
            sock.sendto(f"{room} {name}".encode(), server)
        else:
            sock.sendto(b"hear you" if heard else b"hello", peer)
        try:
            data, sender = sock.recvfrom(100)
        except (TimeoutError, ConnectionError):
            continue
        if sender == server:
            if peer is None:
                address, port = data.decode().split()
                peer = (address, int(port))
        elif data in (b"hello", b"hear you"):
            heard, peer = True, sender
            sock.sendto(b"hear you", peer)
            if data == b"hear you":
                return peer
    return None


def tcp_socket():
    """All share one local port, so that the NAT gives them one outside port, if it is one that can be met."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("0.0.0.0", 4000))
    return sock


def tcp(server, room, name):
    meeting = tcp_socket()
    meeting.settimeout(PATIENCE)
    meeting.connect(server)
    meeting.sendall(f"{room} {name}".encode())
    address, port = meeting.recv(100).decode().split()
    listener = tcp_socket()
    listener.listen()
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    caller = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if caller is None:
            caller = tcp_socket()
            caller.setblocking(False)
            caller.connect_ex((address, int(port)))
            selector.register(caller, selectors.EVENT_WRITE)
        for key, _ in selector.select(PAUSE):
            sock = key.fileobj
            if sock is listener:
                sock, _ = listener.accept()
            elif sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                selector.unregister(sock)
                sock.close()
                caller = None
                time.sleep(PAUSE)
                continue
            else:
                selector.unregister(sock)
            if greet(sock, name):
                return sock.getpeername()
    return None


def greet(sock, name):
    """Whether the other end is a program like this one."""
    try:
        sock.settimeout(5)
        sock.sendall(b"hello from " + name.encode())
        return sock.recv(100).startswith(b"hello from ")
    except OSError:
        return False


def main():
    kind, address, port, room, name = sys.argv[1:6]
    peer = (udp if kind == "udp" else tcp)((address, int(port)), room, name)
    if peer is None:
        sys.exit("they cannot reach each other")
    print(f"reached {peer[0]}")


if __name__ == "__main__":
    main()
