"""Connection pool used from four threads, retries after 503, chunked answer, timeout, HTTPS."""

import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

LIBRARIES = ("urllib3",)
REPEATS = "shape"
EXPECTED = """['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7']
retried: 200 after 2 failures
chunks: b'one,two,three'
slow: ReadTimeoutError
https 200 b'/secret'"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failures = 0

    def do_GET(self) -> None:
        if self.path == "/shaky" and Handler.failures < 2:
            Handler.failures += 1
            self.answer(503, b"")
        elif self.path == "/shaky":
            self.answer(200, b"after %d failures" % Handler.failures)
        elif self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one,", b"two,", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                time.sleep(0.5)
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/slow":
            time.sleep(30)
        else:
            self.answer(200, self.path.encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
    pool = urllib3.PoolManager(maxsize=4, block=True)
    with ThreadPoolExecutor(4) as workers:
        print(list(workers.map(lambda number: pool.request("GET", f"{base}/{number}").data.decode(), range(8))))
    retries = urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=[503])
    answer = pool.request("GET", f"{base}/shaky", retries=retries)
    print("retried:", answer.status, answer.data.decode())
    print("chunks:", b"".join(pool.request("GET", f"{base}/chunks", preload_content=False).stream()))
    try:
        pool.request("GET", f"{base}/slow", timeout=urllib3.Timeout(connect=3, read=2), retries=False)
    except urllib3.exceptions.TimeoutError as error:
        print("slow:", type(error).__name__)
    secure = urllib3.PoolManager(ca_certs=f"{folder}/ca.pem")
    answer = secure.request("GET", f"https://{host}:{port + 1}/secret")
    print("https", answer.status, answer.data)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
