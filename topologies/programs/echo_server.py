"""An echo server of asyncio, with a Protocol class: the loop calls, the class answers.

python echo_server.py [ADDRESS [PORT]]
"""

import asyncio
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.peer = transport.get_extra_info("peername")[0]
        print(f"connection from {self.peer}", flush=True)

    def data_received(self, data):
        print(f"received {data.decode()!r}", flush=True)
        self.transport.write(data)

    def eof_received(self):
        print("end of file: closing", flush=True)

    def connection_lost(self, error):
        print(f"connection to {self.peer} lost: {error}", flush=True)


async def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8888
    server = await asyncio.get_running_loop().create_server(Echo, address, port)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("stopped", flush=True)
