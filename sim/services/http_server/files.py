"""Files of a folder by the path in a request. No path leads out of the folder: not by `..`, not by a symbolic link."""

from __future__ import annotations

import os
import stat
from typing import Final

INDEX: Final = "index.html"
FALLBACK: Final = "application/octet-stream"
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".zip": "application/zip",
}
"""Our own table: the system's differs from machine to machine, and an answer must not."""


def find(root: str, path: str) -> tuple[str, os.stat_result] | None:
    """The file in the folder `root` that the decoded path of a request means, with what the system says of it; its
    `index.html` for a folder. None when there is none, or when it must not be seen."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if any(part.startswith(".") or "\0" in part or "\\" in part for part in parts):
        return None  # neither .. nor files that hide
    top = os.path.realpath(root)
    found = os.path.realpath(os.path.join(top, *parts))
    if os.path.isdir(found):
        found = os.path.realpath(os.path.join(found, INDEX))
    try:
        status = os.stat(found)
    except (OSError, ValueError):
        return None
    return (found, status) if _within(found, top) and stat.S_ISREG(status.st_mode) else None


def is_folder(root: str, path: str) -> bool:
    """Whether a path means a folder that has an index: its address ends in a slash (so that links in it work)."""
    found = find(root, path)
    return found is not None and not path.endswith("/") and find(root, path + "/" + INDEX) is not None


def media_type(path: str) -> str:
    """What a file is, by its name's ending."""
    return MEDIA_TYPES.get(os.path.splitext(path)[1].lower(), FALLBACK)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
