"""Conditional requests (RFC 9110 13): whether a client's copy is still good."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

NOT_MODIFIED = 304
PRECONDITION_FAILED = 412


def http_date(seconds: float) -> str:
    """Seconds since 1970 as HTTP writes them: `Thu, 01 Jan 2026 00:00:00 GMT` (RFC 9110 5.6.7)."""
    return formatdate(int(seconds), usegmt=True)


def judge(headers: Mapping[str, str], tag: str | None, modified: float | None, reading: bool) -> int | None:
    """304 or 412 when a condition of a request says so, None when it is to be answered (RFC 9110 13.2.2).

    `tag` is the quoted entity tag of what there is, `modified` when it was last changed, in seconds since 1970;
    `reading` tells GET and HEAD.
    """
    if "if-match" in headers:
        if not _lists(headers["if-match"], tag, weakly=False):
            return PRECONDITION_FAILED
    elif _date(headers.get("if-unmodified-since")) is not None and modified is not None:
        unmodified = _date(headers["if-unmodified-since"])
        if unmodified is not None and int(modified) > unmodified:
            return PRECONDITION_FAILED
    if "if-none-match" in headers:
        if _lists(headers["if-none-match"], tag, weakly=True):
            return NOT_MODIFIED if reading else PRECONDITION_FAILED
    elif reading and modified is not None:
        since = _date(headers.get("if-modified-since"))
        if since is not None and int(modified) <= since:
            return NOT_MODIFIED
    return None


def range_holds(headers: Mapping[str, str], tag: str | None, modified: float | None) -> bool:
    """Whether a Range is to be obeyed: If-Range, if it is there, names just what there is (RFC 9110 13.1.5)."""
    value = headers.get("if-range")
    if value is None:
        return True
    if value.startswith('"'):
        return value == tag
    date = _date(value)
    return date is not None and modified is not None and int(modified) == date


def _lists(value: str, tag: str | None, *, weakly: bool) -> bool:
    """Whether a list of entity tags, or `*`, holds ours, which is a strong one."""
    if value.strip() == "*":
        return tag is not None
    tags = [one.strip() for one in value.split(",")]
    return tag in ([one.removeprefix("W/") for one in tags] if weakly else tags)


def _date(value: str | None) -> float | None:
    """Seconds since 1970; None for what is no date, which is to be ignored."""
    try:
        return None if value is None else parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
