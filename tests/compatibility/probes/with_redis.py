"""Client, blocking and asyncio, against a small RESP server: strings, counters, pipeline, publish/subscribe, reconnecting."""

import asyncio
import socketserver
import sys
import threading

import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.retry import Retry

LIBRARIES = ("redis",)
REPEATS = "bytes"
EXPECTED = """PONG: True
get: b'value'
pipeline: [1, 2, 3]
heard: b'hello'
missing: None
reconnected: True
error: unknown command
asyncio: 5 increments from 3 to 8"""
memory: dict[bytes, bytes] = {}
subscribers: list[socketserver.StreamRequestHandler] = []


def bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while (line := self.rfile.readline()).startswith(b"*"):
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            if words[0].upper() == b"DIE":
                return
            self.wfile.write(self.answer(words[0].upper(), words[1:]))
        if self in subscribers:
            subscribers.remove(self)

    def answer(self, command: bytes, words: list[bytes]) -> bytes:
        if command == b"PING":
            return b"+PONG\r\n"
        if command in (b"CLIENT", b"SELECT"):
            return b"+OK\r\n"
        if command == b"SET":
            memory[words[0]] = words[1]
            return b"+OK\r\n"
        if command == b"GET":
            return bulk(memory.get(words[0]))
        if command in (b"INCR", b"INCRBY"):
            memory[words[0]] = b"%d" % (int(memory.get(words[0], b"0")) + 1)
            return b":%s\r\n" % memory[words[0]]
        if command == b"SUBSCRIBE":
            subscribers.append(self)
            return b"*3\r\n" + bulk(b"subscribe") + bulk(words[0]) + b":1\r\n"
        if command == b"UNSUBSCRIBE":
            return b"*3\r\n" + bulk(b"unsubscribe") + bulk(words[0] if words else None) + b":0\r\n"
        if command == b"PUBLISH":
            for other in subscribers:
                other.wfile.write(b"*3\r\n" + bulk(b"message") + bulk(words[0]) + bulk(words[1]))
            return b":%d\r\n" % len(subscribers)
        return b"-ERR unknown command\r\n"


def server(host: str, folder: str, port: int) -> None:
    socketserver.ThreadingTCPServer((host, port), Handler).serve_forever()


def listen(store: redis.Redis, ready: threading.Event, heard: list[bytes]) -> None:
    with store.pubsub() as channel:
        channel.subscribe("news")
        for message in channel.listen():
            ready.set()
            if message["type"] == "message":
                heard.append(message["data"])
                return


def client(host: str, folder: str, port: int) -> None:
    store = redis.Redis(host, port, protocol=2, retry=Retry(ConstantBackoff(0.5), 3))
    print("PONG:", store.ping())
    store.set("key", "value")
    print("get:", store.get("key"))
    with store.pipeline(transaction=False) as pipeline:
        print("pipeline:", pipeline.incr("count").incr("count").incr("count").execute())
    heard: list[bytes] = []
    ready = threading.Event()
    listener = threading.Thread(target=listen, args=(store, ready, heard))
    listener.start()
    ready.wait(5)
    store.publish("news", "hello")
    listener.join(5)
    print("heard:", *heard)
    print("missing:", store.get("nothing"))
    try:
        redis.Redis(host, port, protocol=2, retry=Retry(ConstantBackoff(0), 0)).execute_command("DIE")
    except redis.ConnectionError:
        print("reconnected:", store.ping())
    try:
        store.execute_command("NONSENSE")
    except redis.ResponseError as error:
        print("error:", error)
    asyncio.run(asynchronously(host, port))


async def asynchronously(host: str, port: int) -> None:
    async with redis.asyncio.Redis(host=host, port=port, protocol=2) as store:
        before = int(await store.get("count") or 0)
        await asyncio.gather(*[store.incr("count") for _ in range(5)])
        print(f"asyncio: 5 increments from {before} to {int(await store.get('count') or 0)}")


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
