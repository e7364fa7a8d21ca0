"""Flask's own server (werkzeug), with threads: routes, a template, forms, sessions, streaming; asked by urllib.request."""

import logging
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar

from flask import Flask, render_template_string, request, session

LIBRARIES = ("flask", "werkzeug")
REPEATS = "bytes"
EXPECTED = """hello <b>ann &amp; bob</b>
form: 7
visits: 1
visits: 2
streamed: 0 1 2
404
five at once: True"""
application = Flask("probe")
application.secret_key = "a secret"


@application.get("/hello/<name>")
def hello(name: str) -> str:
    return render_template_string("hello <b>{{ name }}</b>", name=name)


@application.post("/add")
def add() -> str:
    return f"form: {int(request.form['a']) + int(request.form['b'])}"


@application.get("/visit")
def visit() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return f"visits: {session['visits']}"


@application.get("/stream")
def stream() -> Iterator[str]:
    return (f"{number} " for number in range(3))


@application.get("/slow")
def slow() -> str:
    time.sleep(1)
    return "done"


def server(host: str, folder: str, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application.run(host, port, threaded=True)


def client(host: str, folder: str, port: int) -> None:
    base = f"http://{host}:{port}"
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(path: str, data: bytes | None = None) -> str:
        with opener.open(base + path, data, timeout=10) as answer:
            return str(answer.read().decode())

    print(get("/hello/" + urllib.parse.quote("ann & bob")))
    print(get("/add", b"a=3&b=4"))
    print(get("/visit"))
    print(get("/visit"))
    print("streamed:", get("/stream").strip())
    try:
        get("/nowhere")
    except urllib.error.HTTPError as error:
        print(error.code)
    start = time.monotonic()
    with ThreadPoolExecutor(5) as workers:
        list(workers.map(get, ["/slow"] * 5))
    print("five at once:", time.monotonic() - start < 4)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
