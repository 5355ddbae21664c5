"""What of a body is the same in every run: names, keys, types, casing; ids made at random become marks."""

from __future__ import annotations

import re
from typing import Any

_MARKS = (
    (re.compile(r"https://127\.0\.0\.1:\d+"), "<origin>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"), "<time>"),
    (re.compile(r"(?<=skiptoken=)[\w%-]+"), "<token>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<guid>"),
    (re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"), "<GUID>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex>"),
    (re.compile(r"[\w.]+@[\w.]+"), "<upn>"),
)


def shape(value: Any) -> Any:
    """The body with everything random replaced by a mark of its kind."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    if isinstance(value, str):
        for pattern, mark in _MARKS:
            value = pattern.sub(mark, value)
    return value
