"""Prints the HTTP headers of a page: asks with HEAD, so that the page itself does not come.

python http_headers.py URL
"""

import asyncio
import sys
import urllib.parse


async def headers(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        opening = asyncio.open_connection(parts.hostname, parts.port or 443, ssl=True)
    else:
        opening = asyncio.open_connection(parts.hostname, parts.port or 80)
    reader, writer = await opening
    request = f"HEAD {parts.path or '/'} HTTP/1.0\r\nHost: {parts.hostname}\r\n\r\n"
    writer.write(request.encode("latin-1"))
    while line := (await reader.readline()).decode("latin-1").rstrip():
        print(line, flush=True)
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python http_headers.py URL")
    asyncio.run(headers(sys.argv[1]))
