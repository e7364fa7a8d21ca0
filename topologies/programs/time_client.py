"""Asks the time server, with a DatagramProtocol; gives up after two seconds.

python time_client.py ADDRESS PORT [QUESTION]
"""

import asyncio
import sys


class Question(asyncio.DatagramProtocol):
    def __init__(self, question, answer):
        self.question = question
        self.answer = answer

    def connection_made(self, transport):
        transport.sendto(self.question)

    def datagram_received(self, data, address):
        self.answer.set_result(data.decode())

    def error_received(self, error):
        self.answer.set_exception(error)


async def main():
    address, port = sys.argv[1], int(sys.argv[2])
    question = sys.argv[3] if len(sys.argv) > 3 else "time"
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Question(question.encode(), answer), remote_addr=(address, port)
    )
    try:
        print(await asyncio.wait_for(answer, 2), flush=True)
    except TimeoutError:
        sys.exit("no answer")
    except OSError as error:
        sys.exit(f"error: {error.strerror}")
    finally:
        transport.close()


if __name__ == "__main__":
    asyncio.run(main())
