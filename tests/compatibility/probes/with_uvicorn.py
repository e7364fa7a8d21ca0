"""An ASGI server with routes, background task, streaming answer, thread pool and lifespan; HTTPS; asked by http.client."""

import http.client
import ssl
import sys
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

LIBRARIES = ("uvicorn", "starlette")
REPEATS = "shape"
EXPECTED = """200 hello ann
200 {"got":{"a":1}}
200 0,1,2,3,4,
200 after 1 s in MainThread: False
200 ['noted ann']
404 Not Found
https 200 ['noted ann']"""
notes: list[str] = []


async def hello(request: Request) -> PlainTextResponse:
    name = request.path_params["name"]
    return PlainTextResponse(f"hello {name}", background=BackgroundTask(notes.append, f"noted {name}"))


async def take(request: Request) -> JSONResponse:
    return JSONResponse({"got": await request.json()})


async def count(request: Request) -> StreamingResponse:
    async def parts():  # type: ignore[no-untyped-def]
        for number in range(5):
            yield f"{number},"

    return StreamingResponse(parts())


def blocking(request: Request) -> PlainTextResponse:
    start = time.monotonic()
    time.sleep(1)
    main = threading.current_thread() is threading.main_thread()
    return PlainTextResponse(f"after {time.monotonic() - start:.0f} s in MainThread: {main}")


async def noted(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(notes))


application = Starlette(
    routes=[
        Route("/hello/{name}", hello),
        Route("/", take, methods=["POST"]),
        Route("/count", count),
        Route("/blocking", blocking),
        Route("/noted", noted),
    ]
)


def server(host: str, folder: str, port: int) -> None:
    plain = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning"))
    certificate = f"{folder}/server.pem"
    secure = uvicorn.Config(
        application, host=host, port=port + 1, log_level="warning", ssl_certfile=certificate, ssl_keyfile=certificate
    )
    threading.Thread(target=uvicorn.Server(secure).run, daemon=True).start()
    plain.run()


def client(host: str, folder: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    asked = [("GET", "/hello/ann"), ("POST", "/"), ("GET", "/count"), ("GET", "/blocking"), ("GET", "/noted")]
    for method, path in [*asked, ("GET", "/nowhere")]:
        connection.request(method, path, body='{"a": 1}' if method == "POST" else None)
        answer = connection.getresponse()
        print(answer.status, answer.read().decode())
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    secure = http.client.HTTPSConnection(host, port + 1, context=trusted)
    secure.request("GET", "/noted")
    answer = secure.getresponse()
    print("https", answer.status, answer.read().decode())


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
