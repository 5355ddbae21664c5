"""What a reading can end in besides a value: gone, or unread and why; and which states say that Azure is at work.

A part that could not be read is an ``Unread`` and stays one: rules that need it are *not evaluated*, so a missing right
or a failed call never turns into a finding or a change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

_TRANSIENT: Final = frozenset({"creating", "updating", "deleting", "registeringdns", "inprogress", "resolvingdns"})


_TERMINAL: Final = frozenset({"succeeded", "failed", "disconnected", "canceled", "error"})
_REPEATABLE: Final = frozenset({"failed", "canceled", "error"})


class UnreadReason(Enum):
    """Why a part has no value."""

    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    DEFERRED = "deferred"
    UNSUPPORTED = "unsupported"
    OUT_OF_SCOPE = "out-of-scope"


class Part(Enum):
    """The parts that a first glance leaves out and a deeper reading brings.

    ZONES are the private DNS zones with links and the vault's records, which a first glance looks for only where a
    connection is Approved or Pending. ZONE_RECORDS are all A records of the zones of the vault zone's name; CNAMES the
    CNAME under the vault's own names where a zone has no A record of it. NETWORKS are the virtual networks around:
    peers of the endpoints' networks, those of firewall rules, and the client networks of the policy. LINKED are the
    networks linked to the zones that answer for the vault, with their Connected peers. FILTERS are the network security
    groups and route tables of the subnets of all networks read. CLAIMANTS are all private endpoints of the readable
    subscriptions that name the vault, with the addresses of those that are not in effect. DIAGNOSTICS are its
    diagnostic settings, ROLES the role assignments that reach it.
    """

    PERIMETER = "perimeter"
    ZONES = "zones"
    ZONE_GROUPS = "zone-groups"
    ZONE_RECORDS = "zone-records"
    NEIGHBOURS = "neighbours"
    CNAMES = "cnames"
    NETWORKS = "networks"
    LINKED = "linked-networks"
    FILTERS = "filters"
    CLAIMANTS = "claimants"
    DIAGNOSTICS = "diagnostics"
    ROLES = "roles"


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that was not read. ``detail`` says what is missing, for a right its ARM action."""

    reason: UnreadReason
    detail: str
    part: Part | None = None

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Gone:
    """The resource does not exist: ARM answered 404 for it."""


def is_transient(provisioning_state: str) -> bool:
    """Whether a provisioning state says that an operation is still under way."""
    return provisioning_state.casefold() in _TRANSIENT


def is_terminal(provisioning_state: str) -> bool:
    """Whether a provisioning state is known to be final. An unknown state is neither terminal nor transient."""
    return provisioning_state.casefold() in _TERMINAL


def is_repeatable(provisioning_state: str) -> bool:
    """Whether a provisioning state says that an operation came to nothing, so that the same one may be tried again."""
    return provisioning_state.casefold() in _REPEATABLE
