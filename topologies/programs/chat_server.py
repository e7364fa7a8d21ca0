"""A chat server with asyncio's streams: what one says, all others hear.

    python chat_server.py [ADDRESS [PORT]]

The first line of a client is its name.
"""

import asyncio
import sys

members = {}


async def tell(text, but=None):
    print(text, flush=True)
    for name, writer in list(members.items()):
        if name != but:
            writer.write(text.encode() + b"\n")
            await writer.drain()


async def converse(reader, writer):
    name = (await reader.readline()).decode().strip()
    if not name or name in members:
        writer.close()
        return
    members[name] = writer
    try:
        await tell(f"* {name} is here, {len(members)} in the room")
        while line := await reader.readline():
            await tell(f"{name}: {line.decode().strip()}", but=name)
    except ConnectionError:
        pass
    finally:
        del members[name]
        writer.close()
    await tell(f"* {name} has left")


async def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8889
    server = await asyncio.start_server(converse, address, port)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("stopped", flush=True)
