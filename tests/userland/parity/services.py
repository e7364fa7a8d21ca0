"""The library's own servers and clients."""

from __future__ import annotations

import http.client
import http.server
import smtplib
import socket
import socketserver
import threading
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client
import xmlrpc.server
from typing import Any

from tests.userland.parity.outcome import Ready, tried


class Upper(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            self.wfile.write(line.upper())


class UpperDatagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data.upper(), self.client_address)


class Server(socketserver.TCPServer):
    allow_reuse_address = True


class ThreadingServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def requests_server(host: str, port: int, ready: Ready) -> None:
    with Server((host, port), Upper) as server:
        print(server.server_address == (host, port), server.fileno() > 0)
        ready()
        for _ in range(2):
            server.handle_request()
        server.timeout = 0.05
        print(server.handle_request())


def requests_client(host: str, port: int) -> None:
    for text in (b"one\n", b"two\n"):
        with socket.create_connection((host, port)) as client, client.makefile("rb") as file:
            client.sendall(text + b"more\n")
            print(file.readline(), file.readline())


def threads_server(host: str, port: int, ready: Ready) -> None:
    with ThreadingServer((host, port), Upper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        ready()
        threading.Event().wait(0.6)
        server.shutdown()
        thread.join()
    print("closed", thread.is_alive())


def threads_client(host: str, port: int) -> None:
    clients = [socket.create_connection((host, port)) for _ in range(3)]
    for number, client in enumerate(clients):
        client.sendall(b"client %d\n" % number)
    for client in reversed(clients):
        print(client.recv(100))
        client.close()


def datagrams_server(host: str, port: int, ready: Ready) -> None:
    with socketserver.UDPServer((host, port), UpperDatagram) as server:
        ready()
        server.handle_request()
        server.handle_request()
    print("closed")


def datagrams_client(host: str, port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        for text in (b"one", b"two"):
            client.sendto(text, (host, port))
            print(client.recv(100))


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404, "Not here")
            return
        body = f"you asked for {self.path}\n".encode() * (1000 if self.path == "/long" else 1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Own", "yes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[::-1])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        print(format % args)


def http_server(host: str, port: int, ready: Ready) -> None:
    with http.server.HTTPServer((host, port), Pages) as server:
        ready()
        for _ in range(6):
            server.handle_request()


def http_client(host: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    for method, path in (("GET", "/a"), ("HEAD", "/b"), ("GET", "/long"), ("GET", "/missing")):
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        print(method, response.status, response.reason, response.getheader("X-Own"), len(body), body[:20])
    connection.close()
    url = f"http://{host}:{port}"
    with urllib.request.urlopen(f"{url}/from-urllib", timeout=5) as answer:
        print(answer.status, answer.read(), answer.headers["X-Own"], answer.geturl() == f"{url}/from-urllib")
    with urllib.request.urlopen(url, urllib.parse.urlencode({"k": "v"}).encode()) as answer:
        print(answer.status, answer.read())
    try:
        urllib.request.urlopen(f"{url}/missing")
    except urllib.error.HTTPError as error:
        print(error.code, error.reason)
        error.close()
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
        print(answer.status, sorted(answer.headers)[:2])
    with urllib.request.urlopen(f"{url}/long") as answer:
        print(len(answer.read()))


def no_server_alone(host: str, port: int) -> None:
    print(tried(urllib.request.urlopen, f"http://{host}:{port}/"))
    print(tried(urllib.request.urlopen, "http://no.such.host.invalid/"))
    print(tried(http.client.HTTPConnection(host, port).request, "GET", "/"))
    print(tried(smtplib.SMTP, host, port))


def mail_server(host: str, port: int, ready: Ready) -> None:
    """As much of SMTP as one letter needs."""
    server = socket.create_server((host, port))
    ready()
    connection, _ = server.accept()
    with connection, connection.makefile("rw", newline="\r\n") as file:

        def say(text: str) -> None:
            file.write(text + "\r\n")
            file.flush()

        say("220 parity ESMTP")
        for line in file:
            word = line.split()[0].upper()
            print(line.rstrip() if word != "EHLO" else word)
            if word == "DATA":
                say("354 go on")
                for text in file:
                    print(text.rstrip())
                    if text == ".\r\n":
                        break
                say("250 taken")
            elif word == "EHLO":
                say("250-parity\r\n250 SIZE 1000000")
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")


def mail_client(host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=5) as client:
        print(client.ehlo()[0], client.has_extn("size"))
        print(client.sendmail("a@one.test", ["b@two.test"], "Subject: hello\r\n\r\nText.\r\n.dot\r\n"))


def remote_server(host: str, port: int, ready: Ready) -> None:
    with xmlrpc.server.SimpleXMLRPCServer((host, port), logRequests=False) as server:
        server.register_function(lambda a, b: a + b, "add")
        ready()
        server.handle_request()
        server.handle_request()


def remote_client(host: str, port: int) -> None:
    with xmlrpc.client.ServerProxy(f"http://{host}:{port}") as proxy:
        print(proxy.add(2, 3))
    with xmlrpc.client.ServerProxy(f"http://{host}:{port}") as proxy:
        print(tried(proxy.nothing))
