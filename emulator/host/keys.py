"""Access keys of the host: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to

Core Tools checks no keys on the developer's machine; this host does, so that a missing key is found before
Azure.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emulator.host.index import AuthLevel


def _new_key() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class HostKeys:
    """`functions` by function name; `default` is the host key (valid for every function), `master` for
    everything, `eventgrid` the system key `eventgrid_extension` of the webhook."""

    functions: Mapping[str, str]
    default: str = field(default_factory=_new_key)
    master: str = field(default_factory=_new_key)
    eventgrid: str = field(default_factory=_new_key)

    @classmethod
    def create(cls, names: Iterable[str], given: str | None) -> HostKeys:
        """New keys; `given` becomes the key of each function and of the host."""
        functions = {name: given or _new_key() for name in names}
        return cls(functions, default=given or _new_key())

    def allows_function(self, level: AuthLevel, name: str, presented: str) -> bool:
        """Whether `presented` (empty for none) opens the http function `name`."""
        if level is AuthLevel.ANONYMOUS:
            return True
        if level is AuthLevel.ADMIN:
            return self.allows_admin(presented)
        return _equal(presented, self.functions[name], self.default, self.master)

    def allows_admin(self, presented: str) -> bool:
        return _equal(presented, self.master)

    def allows_webhook(self, presented: str) -> bool:
        return _equal(presented, self.eventgrid, self.master)


def _equal(presented: str, *accepted: str) -> bool:
    found = False
    for key in accepted:
        found |= hmac.compare_digest(presented.encode(), key.encode())
    return found
