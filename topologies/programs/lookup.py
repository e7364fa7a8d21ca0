"""Looks names up as any program does: `lookup.py NAME ...`. An address is looked up the other way round."""

import asyncio
import socket
import sys


def look_up(name: str) -> None:
    try:
        socket.inet_aton(name)
    except OSError:
        try:
            found = socket.getaddrinfo(name, "http", socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
        except socket.gaierror as error:
            print(f"{name}: {error.strerror}")
        else:
            print(f"{name}: {found[0][3]} {' '.join(address[0] for *_, address in found)}")
    else:
        try:
            print(f"{name}: {socket.gethostbyaddr(name)[0]}")
        except socket.herror as error:
            print(f"{name}: {error.strerror}")


async def look_up_together(names: list[str]) -> None:
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(
        *[loop.getaddrinfo(name, 80, family=socket.AF_INET, type=socket.SOCK_STREAM) for name in names],
        return_exceptions=True,
    )
    print("together:", sum(isinstance(one, list) for one in found), "of", len(names))


if __name__ == "__main__":
    for each in sys.argv[1:]:
        look_up(each)
    asyncio.run(look_up_together(sys.argv[1:]))
