"""A TCP server that serves one client after the other, and speaks GBK.

    python tcp_server.py [ADDRESS [PORT [CLIENTS]]]

It waits in accept(), reads with recv() until that returns b"", which says that the client has closed, and then takes
the next client. A second client that comes meanwhile is connected already, by the kernel, and waits in its queue.
"""

import socket
import sys


def serve(listener, clients):
    for number in range(1, clients + 1):
        connection, address = listener.accept()
        with connection:
            print(f"client {number} from {address[0]}", flush=True)
            while True:
                data = connection.recv(1024)
                if data == b"":
                    break
                text = data.decode("gbk")
                print(f"  received {len(data)} bytes: {text}", flush=True)
                connection.sendall(f"收到: {text}".encode("gbk"))
            print(f"client {number} has closed: recv returned {data!r}", flush=True)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8080
    clients = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
        print(f"listening on port {listener.getsockname()[1]}", flush=True)
        serve(listener, clients)


if __name__ == "__main__":
    main()
