"""nc: sends a line to a port, by TCP or UDP, and prints what comes back."""

from __future__ import annotations

import socket
from typing import Final

READ: Final = 65_536


def talk(host: str, port: int, text: str, datagrams: bool = False, patience: float = 2.0) -> str:
    """Send `text` as a line, print the answer, and stop when the other side does, or after `patience` seconds of
    silence; return what came of it, in words. Nothing is raised for what the network refuses."""
    kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
    got = 0
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.settimeout(None if not datagrams else patience)
            sock.connect((host, port))
            sock.settimeout(patience)
            if text or datagrams:
                sock.sendall(f"{text}\n".encode())
            while data := sock.recv(READ):
                got += len(data)
                print(data.decode("utf-8", "replace"), end="", flush=True)
        except TimeoutError:
            return f"{got} bytes came back" if got else "no answer"
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return f"{got} bytes came back, and the other side has closed the connection"
