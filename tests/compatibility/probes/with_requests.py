"""GET, POST of JSON, redirect, session with cookies and keep-alive, streaming, timeout, HTTPS."""

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

LIBRARIES = ("requests",)
REPEATS = "shape"
EXPECTED = """200 hello
{'got': {'a': 1}}
redirected to /hello: hello
cookie flavour=oat
streamed 50000
slow: ReadTimeout
refused: ConnectionError
https 200 hello"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.answer(302, b"", Location="/hello")
        elif self.path == "/bake":
            self.answer(200, b"", **{"Set-Cookie": "flavour=oat"})
        elif self.path == "/cookie":
            self.answer(200, self.headers.get("Cookie", "none").encode())
        elif self.path == "/large":
            self.answer(200, b"x" * 50_000)
        elif self.path == "/slow":
            time.sleep(30)
            self.answer(200, b"late")
        else:
            self.answer(200, b"hello")

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, json.dumps({"got": data}).encode(), **{"Content-Type": "application/json"})

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        pass


def server(host: str, folder: str, port: int) -> None:
    secure = ThreadingHTTPServer((host, port + 1), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    ThreadingHTTPServer((host, port), Handler).serve_forever()


def client(host: str, folder: str, port: int) -> None:
    base = f"http://{host}:{port}"
    answer = requests.get(f"{base}/hello", timeout=10)
    print(answer.status_code, answer.text)
    print(requests.post(f"{base}/", json={"a": 1}, timeout=10).json())
    answer = requests.get(f"{base}/moved", timeout=10)
    print(f"redirected to {answer.request.path_url}: {answer.text}")
    with requests.Session() as session:
        session.get(f"{base}/bake")
        print("cookie", session.get(f"{base}/cookie").text)
        with session.get(f"{base}/large", stream=True) as answer:
            print("streamed", sum(len(part) for part in answer.iter_content(4096)))
    try:
        requests.get(f"{base}/slow", timeout=(3, 2))
    except requests.Timeout as error:
        print("slow:", type(error).__name__)
    try:
        requests.get(f"http://{host}:{port + 2}")
    except requests.ConnectionError as error:
        print("refused:", type(error).__name__)
    answer = requests.get(f"https://{host}:{port + 1}/hello", verify=f"{folder}/ca.pem")
    print("https", answer.status_code, answer.text)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
