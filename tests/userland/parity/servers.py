"""More of the library's servers and clients: threading and local ones, persistent connections, mail, files."""

from __future__ import annotations

import ftplib
import http.client
import http.server
import imaplib
import io
import os
import poplib
import re
import smtplib
import socket
import socketserver
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

from tests.userland.parity.outcome import Ready, tried


class Upper(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line.upper())


class UpperDatagram(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(self.rfile.read().upper())


class Hooked(socketserver.TCPServer):
    """Says in which order its hooks are called."""

    allow_reuse_address = True
    request_queue_size = 2
    timeout = 0.05

    def verify_request(self, request: Any, client_address: Any) -> bool:
        print("verify", len(client_address))
        return super().verify_request(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        print("process")
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        print("shutdown")
        super().shutdown_request(request)

    def get_request(self) -> Any:
        print("get")
        return super().get_request()

    def finish_request(self, request: Any, client_address: Any) -> None:
        print("finish")
        super().finish_request(request, client_address)

    def close_request(self, request: Any) -> None:
        print("close")
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        import sys

        print("error", repr(sys.exc_info()[1]))

    def handle_timeout(self) -> None:
        print("timeout")

    def service_actions(self) -> None:
        self.rounds = getattr(self, "rounds", 0) + 1


class Failing(socketserver.BaseRequestHandler):
    def setup(self) -> None:
        print("setup")

    def handle(self) -> None:
        raise ValueError(self.request.recv(10))

    def finish(self) -> None:
        print("finish")


def hooks_server(host: str, port: int, ready: Ready) -> None:
    with Hooked((host, port), Failing, bind_and_activate=False) as server:
        server.server_bind()
        server.server_activate()
        ready()
        server.timeout = 5
        server.handle_request()
        server.timeout = 0.05
        server.handle_request()
        threading.Timer(0.2, server.shutdown).start()
        server.serve_forever(poll_interval=0.02)
        print(server.rounds > 1)
    print(tried(Hooked, ("192.0.2.1", port), Failing), tried(server.fileno), server.server_close())


def hooks_client(host: str, port: int) -> None:
    with socket.create_connection((host, port)) as client:
        print(client.send(b"x"), client.recv(1))


class ThreadingDatagrams(socketserver.ThreadingUDPServer):
    daemon_threads = True


def datagrams_server(host: str, port: int, ready: Ready) -> None:
    with ThreadingDatagrams((host, port), UpperDatagram) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        ready()
        threading.Event().wait(0.5)
        server.shutdown()
        thread.join()
    print(server.socket_type == socket.SOCK_DGRAM, server.max_packet_size)


def datagrams_client(host: str, port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        for text in (b"one", b"two", b""):
            client.sendto(text, (host, port))
            print(client.recv(100))


def local_alone(host: str, port: int) -> None:
    """Servers at a path."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        kinds = (socketserver.UnixStreamServer, socketserver.ThreadingUnixStreamServer)
        for number, kind in enumerate(kinds):
            with kind(f"stream{number}", Upper) as server:
                thread = threading.Thread(target=server.serve_forever, args=(0.02,))
                thread.start()
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(f"stream{number}")
                    client.sendall(b"quiet\n")
                    print(client.recv(10), server.server_address, int(server.address_family))
                server.shutdown()
                thread.join()
        with socketserver.UnixDatagramServer("datagrams", UpperDatagram) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.bind("client")
                client.sendto(b"quiet", "datagrams")
                print(client.recv(10))
            thread.join()
        print(tried(socketserver.UnixStreamServer, "stream0", Upper))
        os.chdir(before)


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"first ", b"second ", b"third", b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/there")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = f"{self.command} {self.path} {self.headers.get('X-Asks')}".encode()
        self.send_response(200, "Very well")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close" if self.path == "/last" else "keep-alive")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        data = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.send_header("X-Length", str(len(data)))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        print(threading.current_thread() is threading.main_thread(), format % args)


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = False


def persistent_server(host: str, port: int, ready: Ready) -> None:
    with Web((host, port), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        ready()
        threading.Event().wait(1)
        server.shutdown()
        thread.join()


def persistent_client(host: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    connection.connect()
    own = connection.sock.getsockname()
    for method, path in (("GET", "/a"), ("HEAD", "/b"), ("GET", "/chunked"), ("GET", "/c")):
        connection.request(method, path, headers={"X-Asks": "me"})
        response = connection.getresponse()
        print(
            response.status, response.reason, response.version, response.chunked, response.length, response.will_close
        )
        print(response.read(3), response.read(), response.isclosed(), response.getheader("None", 5))
    connection.request("PUT", "/data", b"x" * 5000)
    response = connection.getresponse()
    print(response.getheader("X-Length"), response.read(), response.status)
    parts: Callable[[], Iterator[bytes]] = lambda: iter([b"ab", b"cde"])  # noqa: E731
    connection.request("PUT", "/parts", parts(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()
    print(response.headers["X-Length"], response.read())
    connection.request("PUT", "/file", io.BytesIO(b"from a file"))
    response = connection.getresponse()
    print(response.headers["X-Length"], response.read(), connection.sock.getsockname() == own)
    connection.putrequest("GET", "/last")
    connection.putheader("X-Asks", "twice")
    connection.endheaders()
    response = connection.getresponse()
    print(response.read(), connection.sock)
    connection.request("GET", "/again")
    print(connection.getresponse().readline(), tried(connection.getresponse))
    connection.close()
    print(
        tried(connection.getresponse), tried(connection.request, "GET", "/a b"), tried(connection.putheader, "a", "b")
    )
    with urllib.request.urlopen(f"http://{host}:{port}/moved", timeout=5) as answer:
        print(answer.geturl()[-6:], answer.getcode(), answer.read(4), answer.read1(), answer.info()["Connection"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.addheaders = [("X-Asks", "opener")]
    print(opener.open(f"http://{host}:{port}/opened").read())
    try:
        urllib.request.urlopen(f"http://{host}:{port}/none", data=b"POST is not there")
    except urllib.error.HTTPError as error:
        print(error.code, error.reason, len(error.read()) > 50)


Talk = Callable[[str, Any, Callable[[str], None]], bool]


def converse(host: str, port: int, ready: Ready, greeting: str, answer: Talk, clients: int = 1) -> None:
    """Serve a protocol of lines; `answer` says when it is over."""
    with socket.create_server((host, port)) as server:
        ready()
        for _ in range(clients):
            connection, _ = server.accept()
            with connection, connection.makefile("rwb", buffering=0) as file:

                def say(text: str, file: Any = file) -> None:
                    file.write(text.encode() + b"\r\n")

                say(greeting)
                while line := file.readline():
                    print(line if greeting[0] != "*" else line.split(b" ", 1)[1])
                    if answer(line.decode().strip(), file, say):
                        break


def mail_server(host: str, port: int, ready: Ready) -> None:
    def answer(line: str, file: Any, say: Callable[[str], None]) -> bool:
        word = line.split(maxsplit=1)[0].upper()
        if word == "EHLO":
            say("250-parity\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000")
        elif word == "AUTH":
            say("235 welcome" if "AGEAYg==" in line else "535 who are you")
        elif word == "RCPT" and "nobody" in line:
            say("550 no such user")
        elif word == "DATA":
            say("354 go on")
            while (text := file.readline()) != b".\r\n":
                print(text)
            say("250 taken")
        elif word == "NOOP":
            return True  # hangs up
        else:
            say("221 bye" if word == "QUIT" else "252 perhaps" if word == "VRFY" else "250 ok")
        return word == "QUIT"

    converse(host, port, ready, "220 parity", answer, 3)


def mail_client(host: str, port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@one.test", "b@two.test, nobody@two.test", "hello"
    message.set_content("Text.\n.dot\n")
    with smtplib.SMTP(host, port, local_hostname="me", timeout=5) as client:
        print(client.ehlo()[0], client.has_extn("auth"), client.login("a", "b"), client.send_message(message))
        print(client.vrfy("a"), client.mail("a@one.test"), client.rcpt("nobody@two.test"), client.rset())
        print(client.docmd("HELP"), tried(client.starttls), tried(client.sendmail, "a@one.test", ["nobody"], "x"))
    with smtplib.SMTP(host, port, local_hostname="me") as client:
        print(tried(client.login, "x", "y"), client.helo("me"))
    client = smtplib.SMTP(host, port, local_hostname="me")
    print(tried(client.noop), tried(client.noop), tried(client.quit))
    print(tried(smtplib.SMTP, host, port, timeout=1), tried(smtplib.SMTP().noop))


def post_server(host: str, port: int, ready: Ready) -> None:
    """As much of POP3 as it takes to fetch the post."""

    def answer(line: str, file: Any, say: Callable[[str], None]) -> bool:
        word = line.split(maxsplit=1)[0].upper()
        if word in ("LIST", "UIDL"):
            say("+OK\r\n1 20\r\n2 30\r\n.")
        elif word == "RETR":
            say("+OK\r\nSubject: hello\r\n\r\n..dot\r\nend\r\n.")
        elif word == "STAT":
            say("+OK 2 50")
        else:
            say("-ERR no" if word == "PASS" and "wrong" in line else "+OK")
        return word == "QUIT"

    converse(host, port, ready, "+OK parity", answer, 2)


def post_client(host: str, port: int) -> None:
    client = poplib.POP3(host, port, timeout=5)
    print(client.getwelcome(), client.user("me"), client.pass_("right"), client.stat(), client.list(), client.retr(1))
    print(client.dele(1), client.uidl(), client.noop(), client.rset(), client.quit())
    client = poplib.POP3(host, port)
    print(client.user("me"), tried(client.pass_, "wrong"), client.close(), tried(poplib.POP3, host, 1))


def mailbox_server(host: str, port: int, ready: Ready) -> None:
    """As much of IMAP4 as one look takes."""

    def answer(line: str, file: Any, say: Callable[[str], None]) -> bool:
        tag, word = line.split()[:2]
        if word == "CAPABILITY":
            say("* CAPABILITY IMAP4REV1")
        elif word == "SELECT":
            say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1]")
        elif word == "FETCH":
            say("* 1 FETCH (BODY[] {5}\r\nhello)")
        elif word == "SEARCH":
            say("* SEARCH 1 2")
        elif word == "LOGOUT":
            say("* BYE")
        say(f"{tag} {'NO who' if 'wrong' in line else 'OK done'}")
        return word == "LOGOUT"

    converse(host, port, ready, "* OK parity", answer)


def mailbox_client(host: str, port: int) -> None:
    client: Any = imaplib.IMAP4(host, port, timeout=5)
    client.tagpre, client.tagre = b"T", re.compile(rb"(?P<tag>T\d+) (?P<type>[A-Z]+) (?P<data>.*)", re.ASCII)
    print(client.welcome, tried(client.login, "me", "wrong"), client.login("me", "right"), client.select())
    print(client.search(None, "ALL"), client.fetch("1", "(BODY[])"), client.close(), client.logout())


def files_server(host: str, port: int, ready: Ready) -> None:
    """As much of FTP as it takes to send a file and to get it, over passive connections."""
    stored: dict[str, bytes] = {}
    passive: list[socket.socket] = []

    def transfer(line: str, say: Callable[[str], None]) -> None:
        say("150 opening")
        word, _, name = line.partition(" ")
        connection, _ = passive.pop().accept()
        with connection:
            if word == "STOR":
                stored[name] = b"".join(iter(lambda: connection.recv(1000), b""))
            else:
                connection.sendall(stored[name] if word == "RETR" else "\r\n".join(stored).encode() + b"\r\n")
        say("226 done")

    def answer(line: str, file: Any, say: Callable[[str], None]) -> bool:
        word = line.split(maxsplit=1)[0].upper()
        if word == "PASV":
            passive.append(socket.create_server((host, 0)))
            number = passive[0].getsockname()[1]
            say(f"227 Entering Passive Mode ({host.replace('.', ',')},{number >> 8},{number & 255})")
        elif word in ("STOR", "RETR", "NLST"):
            transfer(line, say)
        else:
            known = {"USER": "331 password", "PASS": "230 in", "TYPE": "200 ok", "PWD": '257 "/"', "QUIT": "221 bye"}
            say(known.get(word, "502 not here"))
        return word == "QUIT"

    converse(host, port, ready, "220 parity", answer)
    print(sorted(stored.items()))


def files_client(host: str, port: int) -> None:
    client = ftplib.FTP()
    print(client.connect(host, port, timeout=5), client.login("me", "secret"), client.pwd())
    print(
        client.storbinary("STOR one", io.BytesIO(b"some bytes" * 3)),
        client.storlines("STOR two", io.BytesIO(b"a\nb\n")),
    )
    parts: list[bytes] = []
    print(client.retrbinary("RETR one", parts.append), b"".join(parts), client.nlst())
    lines: list[str] = []
    print(client.retrlines("RETR two", lines.append), lines, tried(client.delete, "one"), client.quit())
    print(tried(ftplib.FTP, host, timeout=0))
