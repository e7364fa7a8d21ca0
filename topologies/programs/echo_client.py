"""A client of the echo server, with a Protocol class.

python echo_client.py ADDRESS PORT MESSAGE
"""

import asyncio
import sys


class Client(asyncio.Protocol):
    def __init__(self, message, closed):
        self.message = message
        self.closed = closed
        self.received = b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.message)
        print(f"sent {self.message.decode()!r}", flush=True)

    def data_received(self, data):
        self.received += data
        print(f"received {data.decode()!r}", flush=True)
        if len(self.received) == len(self.message):
            self.transport.write_eof()

    def connection_lost(self, error):
        print("the server has closed the connection", flush=True)
        self.closed.set_result(error is None)


async def main():
    address, port, message = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    loop = asyncio.get_running_loop()
    closed = loop.create_future()
    await loop.create_connection(lambda: Client(message.encode(), closed), address, port)
    return 0 if await closed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
