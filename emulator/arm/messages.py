"""Requests and responses of the Resource Manager, free of any web framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.access import Principal

Json = dict[str, Any]


@dataclass(frozen=True)
class ArmRequest:
    """One authenticated request.

    `headers` has lower-case names, `query` is as sent; `origin` is scheme, host and port of the caller's view of
    this server, which every absolute URL of an answer starts with. `publish` is False for seeding, which no event
    shall tell of.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    principal: Principal
    origin: str
    correlation_id: str
    publish: bool = True

    def parameter(self, name: str) -> str | None:
        """A query parameter, its name compared without regard to case (`$skiptoken`, `$skipToken`)."""
        for key, value in self.query.items():
            if key.casefold() == name.casefold():
                return value
        return None

    @property
    def api_version(self) -> str:
        """The api-version asked for, or an empty string."""
        return self.parameter("api-version") or ""


@dataclass
class ArmResponse:
    """Status, JSON body (None: an empty one) and headers.

    `escape_slashes`: private DNS zones come with `\\/` in their JSON.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    escape_slashes: bool = False

    def encode(self) -> bytes:
        """The body as sent."""
        if self.body is None:
            return b""
        text = json.dumps(self.body, separators=(",", ":"))
        if self.escape_slashes:
            text = text.replace("/", "\\/")
        return text.encode()
