"""The application: `GET /` is the page, `/live` the WebSocket by which it goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.cli.web.guard import Guard
from sim.cli.web.messages import Messages
from sim.cli.web.show import Show
from sim.cli.web.viewers import SlowViewerError, Viewer

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
GOING_AWAY: Final = 1001
TRY_AGAIN_LATER: Final = 1013


def application(show: Show, port: int, token: str, on_end: Callable[[BaseException], None]) -> Guard:
    """The application. `on_end` is told when the show cannot go on."""
    messages = Messages(show.live, show)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_run(show, on_end))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def page(_request: Request) -> HTMLResponse:
        from sim.views.page.document import document

        text = await asyncio.to_thread(lambda: document(show.page_data()))
        return HTMLResponse(text, headers=HEADERS)

    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        if show.viewers.full:
            await websocket.close(TRY_AGAIN_LATER, "too many look already")
            return
        await show.ready.wait()
        await _serve(websocket, show, messages)

    routes = [Route("/", page, methods=["GET"]), WebSocketRoute("/live", live)]
    return Guard(Starlette(routes=routes, lifespan=lifespan), port, token)


async def _run(show: Show, on_end: Callable[[BaseException], None]) -> None:
    try:
        await show.run()
    except Exception as error:
        on_end(error)


async def _serve(websocket: WebSocket, show: Show, messages: Messages) -> None:
    """One viewer, until it goes or is too slow."""
    viewer = Viewer()
    show.welcome(viewer)
    tasks = [
        asyncio.create_task(viewer.pump(websocket.send_text)),
        asyncio.create_task(_listen(websocket, viewer, messages)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if any(isinstance(task.exception(), SlowViewerError) for task in done):
            show.viewers.sent_away += 1
            _abort(websocket)
    finally:
        show.viewers.remove(viewer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(websocket: WebSocket, viewer: Viewer, messages: Messages) -> None:
    while True:
        try:
            message: Any = await websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        answer = {"error": "messages are texts"} if text is None else await messages.answer(text)
        if answer is not None:
            viewer.tell(json.dumps(answer))


def _abort(websocket: WebSocket) -> None:
    """Cut the connection at once: its buffers are full, and nothing that is written there would ever be read."""
    abort = websocket.scope.get("extensions", {}).get("packetsim.abort")
    if abort is not None:
        abort["call"]()
