"""Servers of live pages for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.serve.serving import PAIR, Serving, written

Serve = Callable[..., Serving]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for many tests, which leave it as it was."""
    serving = Serving(written(tmp_path_factory.mktemp("serve")))
    yield serving
    serving.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(text, *arguments)`: a server of one's own."""
    started: list[Serving] = []

    def start(text: str = PAIR, *arguments: str) -> Serving:
        started.append(Serving(written(tmp_path, text), *arguments))
        return started[-1]

    yield start
    for serving in started:
        serving.close()
