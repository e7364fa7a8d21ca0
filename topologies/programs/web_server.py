"""A web server of the standard library with one page.

python web_server.py [ADDRESS [PORT]]
"""

import http.server
import sys

PAGE = b"<!DOCTYPE html><title>A page</title><p>It works."


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        known = self.path == "/"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE) if known else 0))
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        if self.path == "/":
            self.wfile.write(PAGE)

    def log_message(self, form, *details):
        print(f"{self.client_address[0]} {form % details}", flush=True)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
    with http.server.ThreadingHTTPServer((address, port), Handler) as server:
        print(f"listening on port {server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped", flush=True)


if __name__ == "__main__":
    main()
