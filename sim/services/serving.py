"""How a server of asyncio waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it until it ends, or is interrupted: a service that is stopped has done nothing wrong."""
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        return


async def forever() -> None:
    """Wait without an end."""
    await asyncio.get_running_loop().create_future()
