"""A time server over UDP, with a DatagramProtocol.

    python time_server.py [ADDRESS [PORT]]

Whoever sends "time" gets date and time, whoever sends something else is told so.
"""

import asyncio
import datetime
import sys


class TimeServer(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        print(f"{address[0]} asks {data.decode()!r}", flush=True)
        now = datetime.datetime.now().isoformat(" ", "seconds")
        answer = now if data == b"time" else "ask me for the time"
        self.transport.sendto(answer.encode(), address)


async def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8037
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(TimeServer, local_addr=(address, port))
    print(f"bound to port {transport.get_extra_info('sockname')[1]}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        transport.close()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("stopped", flush=True)
