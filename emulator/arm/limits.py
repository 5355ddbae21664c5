"""Counters of requests left, as Resource Manager and private DNS show them; nothing is refused here.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.arm.clock import Clock

GLOBAL_FACTOR = 15
_PRIVATE_DNS = "/providers/microsoft.network/privatedns"


@dataclass
class _Bucket:
    size: float
    per_second: float
    left: float
    at: float

    def take(self, now: float) -> int:
        self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        self.left = max(0.0, self.left - 1)
        return int(self.left)


# Kind -> size of the bucket, refill per second of Azure.
_SUBSCRIPTION = {"reads": (250, 25.0), "writes": (200, 10.0), "deletes": (200, 10.0)}
_DNS = {"reads": (500, 500 / 300), "writes": (12000, 40.0), "deletes": (12000, 40.0)}


class Limits:
    """Token buckets per subscription, principal and kind of operation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def _take(self, key: tuple[str, ...], size: float, per_second: float) -> int:
        now = self._clock.azure_seconds()
        bucket = self._buckets.setdefault(key, _Bucket(size, per_second, size, now))
        return bucket.take(now)

    def headers(self, method: str, path: str, principal: str) -> dict[str, str]:
        """Count a request and show what is left.

        Private DNS shows its own counter instead of Resource Manager's.
        """
        parts = path.casefold().split("/")
        if len(parts) < 3 or parts[1] != "subscriptions":
            return {}
        kind = {"GET": "reads", "DELETE": "deletes"}.get(method, "writes")
        if _PRIVATE_DNS in path.casefold():
            size, rate = _DNS[kind]
            left = self._take(("dns", parts[2], kind), size, rate)
            return {"x-ms-ratelimit-remaining-subscription-resource-requests": str(left)}
        size, rate = _SUBSCRIPTION[kind]
        own = self._take(("arm", parts[2], principal, kind), size, rate)
        everybody = self._take(("global", parts[2], kind), size * GLOBAL_FACTOR, rate * GLOBAL_FACTOR)
        return {
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(own),
            f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(everybody),
        }
