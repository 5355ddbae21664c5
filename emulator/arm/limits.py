"""Limits of requests: token buckets of Resource Manager and of private DNS, with the headers that show what is left.

A request beyond a limit is refused and takes nothing from any bucket.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from emulator.arm.access import Principal
from emulator.arm.clock import Clock
from emulator.arm.errors import ArmError
from emulator.arm.switches import Switches, ThrottleCode

GLOBAL_FACTOR = 15
DNS_INTERVAL = "00:05:00"
_PRIVATE_DNS = "/providers/microsoft.network/privatedns"


@dataclass(frozen=True)
class Limit:
    """The size of a bucket and its refill per second of Azure."""

    size: float
    per_second: float


# Per subscription (or tenant) and principal; all principals together have 15 times as much.
ARM_LIMITS = {"reads": Limit(250, 25.0), "writes": Limit(200, 10.0), "deletes": Limit(200, 10.0)}
# Per subscription; reads of operations' states count too.
DNS_LIMITS = {"reads": Limit(500, 500 / 300), "writes": Limit(12000, 40.0), "deletes": Limit(12000, 40.0)}


class _Bucket:
    """A token bucket; `left` is right as of `at`."""

    __slots__ = ("at", "left", "limit")

    def __init__(self, limit: Limit, now: float) -> None:
        self.limit = limit
        self.left = limit.size
        self.at = now

    def refill(self, now: float) -> None:
        self.left = min(self.limit.size, self.left + (now - self.at) * self.limit.per_second)
        self.at = now

    @property
    def wait(self) -> float:
        """Seconds of Azure until there is a token; 0 if there is one. A trace of rounding counts as nothing."""
        missing = 1 - self.left
        return missing / self.limit.per_second if missing > 1e-9 else 0.0


class Limits:
    """Token buckets per subscription, principal and kind of operation."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self._clock = clock
        self._switches = switches
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def _bucket(self, key: tuple[str, ...], limit: Limit, factor: int = 1) -> _Bucket:
        now = self._clock.azure_seconds()
        bucket = self._buckets.get(key)
        if bucket is None:
            whole = limit if factor == 1 else Limit(limit.size * factor, limit.per_second * factor)
            bucket = self._buckets[key] = _Bucket(whole, now)
        bucket.refill(now)
        if not self._refuses and bucket.left < bucket.limit.size / 2:
            bucket.left = bucket.limit.size
        return bucket

    @property
    def _refuses(self) -> bool:
        """Whether anybody is refused. Where nobody is, nobody may read from a header that the bucket is empty."""
        return bool(self._switches.throttling and self._clock.scale)

    def admit(self, method: str, path: str, principal: Principal, action: str) -> dict[str, str]:
        """Count a request; gives back the headers that show what is left.

        Raises ArmError 429 for a request beyond a limit. Private DNS shows its own counter instead of Resource
        Manager's. At scale 0 any time may have passed between two requests, so none is refused.
        """
        folded = path.casefold()
        parts = folded.split("/")
        if len(parts) < 2 or parts[1] != "subscriptions":
            return {}
        kind = {"GET": "reads", "DELETE": "deletes"}.get(method, "writes")
        whose = f"subscription {parts[2]}" if len(parts) > 2 and parts[2] else "tenant"
        shown = whose.partition(" ")[0]
        own = self._bucket(("arm", whose, principal.oid, kind), ARM_LIMITS[kind])
        everybody = self._bucket(("global", whose, kind), ARM_LIMITS[kind], GLOBAL_FACTOR)
        dns = self._bucket(("dns", whose, kind), DNS_LIMITS[kind]) if _PRIVATE_DNS in folded else None
        buckets = [bucket for bucket in (own, everybody, dns) if bucket is not None]
        wait = max(bucket.wait for bucket in buckets)
        refused = bool(wait and self._refuses)
        if not refused:
            for bucket in buckets:
                bucket.left = max(0.0, bucket.left - 1)
        if dns is None:
            headers = {
                f"x-ms-ratelimit-remaining-{shown}-{kind}": str(int(own.left)),
                f"x-ms-ratelimit-remaining-{shown}-global-{kind}": str(int(everybody.left)),
            }
        else:
            headers = {"x-ms-ratelimit-remaining-subscription-resource-requests": str(int(dns.left))}
        if refused:
            raise self._refusal(dns is not None and dns.wait == wait, wait, whose, principal, kind, action, headers)
        return headers

    def _refusal(
        self, dns: bool, wait: float, whose: str, principal: Principal, kind: str, action: str, headers: dict[str, str]
    ) -> ArmError:
        seconds = math.ceil(wait)
        message = (
            f"Number of '{kind.removesuffix('s')}' requests for {whose.replace(' ', ' ' + chr(39), 1)}' actor "
            f"'{principal.oid}' exceeded. Please try again after '{seconds}' seconds."
        )
        code = self._switches.throttle_code.value
        if dns:
            limit = int(DNS_LIMITS[kind].size)
            message = (
                f"Number of requests for action '{action}' exceeded the limit of '{limit}' for time interval "
                f"'{DNS_INTERVAL}'. Please try again after '{seconds}' seconds."
            )
            if self._switches.throttle_code is ThrottleCode.SUBSCRIPTION:
                code = "ResourceRequestsThrottled"
        return ArmError(
            429, code, message, headers={"Retry-After": self._clock.retry_after(wait), **headers}, gateway=True
        )
