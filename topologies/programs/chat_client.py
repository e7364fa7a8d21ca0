"""A chat client with asyncio's streams: says what is typed, prints what others say.

    python chat_client.py ADDRESS PORT NAME [SECONDS]

A line of input is read in a thread, so that the loop can listen meanwhile. With SECONDS it waits that long before each
line, as somebody does who types, and before it leaves at the end of the input.
"""

import asyncio
import sys


async def listen(reader):
    while line := await reader.readline():
        print(line.decode().rstrip(), flush=True)


async def main():
    address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(name.encode() + b"\n")
    listener = asyncio.create_task(listen(reader))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await asyncio.sleep(pause)
        writer.write(line.encode())
        await writer.drain()
    await asyncio.sleep(pause)
    writer.write_eof()
    await listener
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
