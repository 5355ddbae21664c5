"""The policy file's shape: what ``policy.yaml`` may hold, each member with its bounds.

::

    version: 1
    rules: {KVG411: fix, KVG101: off}
    zones:
      - id: /subscriptions/.../privateDnsZones/privatelink.vaultcore.azure.net
        writer: kvguard
        networks: []
        link_resolution_policy: Default
    zone_subscriptions: {ids: [], complete: false}
    profiles: {default: private, scopes: [{scope: /subscriptions/..., profile: public}]}
    ttl: {minimum: 10, maximum: 600, default: 60}
    timing: {settle_seconds: 120, max_settle_seconds: 900, controller_grace_seconds: 1200, consistency_seconds: 10,
             dead_connection_age_seconds: 86400, pending_connection_age_seconds: 86400}
    connections: {allowed_subscriptions: []}
    pipeline_ranges: []
    budgets: {writes_per_hour: 20}

Everything but ``version`` may be left out. ``read_document`` finds all errors, not the first, each with its place.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, field

Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]
# The bounds of a record set's TTL: https://learn.microsoft.com/azure/dns/dns-zones-records#time-to-live
Ttl = Annotated[int, Meta(ge=1, le=2_147_483_647)]
ModeName = Literal["off", "audit", "approve", "fix"]
ProfileName = Literal[
    "private", "hybrid", "self-hosted-pipeline", "saas-pipeline", "partner", "trusted-services", "public"
]


class ZoneEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A private DNS zone that the policy designates; without ``networks`` it serves every network."""

    id: str
    writer: Literal["kvguard", "zone-group", "azure-policy", "terraform", "other"]
    networks: list[str] = field(default_factory=list)
    link_resolution_policy: Literal["Default", "NxDomainRedirect"] = "Default"


class ZoneSubscriptions(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where else zones lie; ``complete`` says that there are none anywhere else."""

    ids: list[str] = field(default_factory=list)
    complete: bool = False


class ScopeProfile(Struct, forbid_unknown_fields=True, kw_only=True):
    """The profile of every vault in a subscription, a resource group, or of one vault."""

    scope: str
    profile: ProfileName


class Profiles(Struct, forbid_unknown_fields=True, kw_only=True):
    """What vaults are for; the narrowest scope wins."""

    default: ProfileName = "private"
    scopes: list[ScopeProfile] = field(default_factory=list)


class TtlEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Bounds and default of the records' time to live, in seconds."""

    minimum: Ttl = 10
    maximum: Ttl = 600
    default: Ttl = 60


class TimingEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """How long things must last before kvguard acts on them, in seconds."""

    settle_seconds: Seconds = 120
    max_settle_seconds: Seconds = 900
    controller_grace_seconds: Seconds = 1200
    consistency_seconds: Seconds = 10
    dead_connection_age_seconds: Seconds = 86_400
    pending_connection_age_seconds: Seconds = 86_400


class Connections(Struct, forbid_unknown_fields=True, kw_only=True):
    """Subscriptions, beside the watched ones, whose private endpoints are not foreign."""

    allowed_subscriptions: list[str] = field(default_factory=list)


class Budgets(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many changes kvguard makes by itself, per subscription and hour."""

    writes_per_hour: Annotated[int, Meta(ge=0, le=1000)] = 20


class PolicyDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    version: Literal[1]
    rules: dict[str, ModeName] = field(default_factory=dict)
    zones: list[ZoneEntry] = field(default_factory=list)
    zone_subscriptions: ZoneSubscriptions = field(default_factory=ZoneSubscriptions)
    profiles: Profiles = field(default_factory=Profiles)
    ttl: TtlEntry = field(default_factory=TtlEntry)
    timing: TimingEntry = field(default_factory=TimingEntry)
    connections: Connections = field(default_factory=Connections)
    pipeline_ranges: list[str] = field(default_factory=list)
    budgets: Budgets = field(default_factory=Budgets)


_WRONG: Final = object()
_PLACE: Final = re.compile(r" - at `[^`]*`$")


def read_document(value: object, problems: list[str]) -> PolicyDocument | None:
    """The document, or None with every error added to ``problems`` as "place: what is wrong"."""
    if value is None:
        value = {}
    read = _read(_modes_as_text(value), PolicyDocument, "", problems)
    return read if isinstance(read, PolicyDocument) else None


def _modes_as_text(value: object) -> object:
    """Unquoted ``off`` is the boolean false in YAML 1.1."""
    if not isinstance(value, dict) or not isinstance(value.get("rules"), dict):
        return value
    rules = {name: "off" if mode is False else mode for name, mode in value["rules"].items()}
    return {**value, "rules": rules}


def _read(value: object, shape: Any, place: str, problems: list[str]) -> object:
    """``value`` as ``shape``, part by part so that one error does not hide the next; _WRONG when it is not."""
    if isinstance(shape, type) and issubclass(shape, Struct):
        return _read_struct(value, shape, place, problems)
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is list and isinstance(value, list):
        items = [_read(item, arguments[0], f"{place}[{number}]", problems) for number, item in enumerate(value)]
        return _WRONG if any(item is _WRONG for item in items) else items
    if origin is dict and isinstance(value, dict):
        read = {str(key): _read(item, arguments[1], f"{place}.{key}", problems) for key, item in value.items()}
        return _WRONG if any(item is _WRONG for item in read.values()) else read
    assert origin not in (Union, types.UnionType), "the schema has no unions"
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        problems.append(f"{place or 'the policy'}: {_PLACE.sub('', str(error))}")
        return _WRONG


def _read_struct(value: object, shape: type[Struct], place: str, problems: list[str]) -> object:
    if not isinstance(value, dict):
        problems.append(f"{place or 'the policy'}: Expected a mapping, got {_kind(value)}")
        return _WRONG
    members = {member.name: member for member in msgspec.structs.fields(shape)}
    found: dict[str, object] = {}
    unknown = [str(name) for name in value if name not in members]
    for name in unknown:
        known = ", ".join(members)
        problems.append(f"{_below(place, name[:60])}: no such key; there are {known}")
    for name, member in members.items():
        if name in value:
            found[name] = _read(value[name], member.type, _below(place, name), problems)
        elif member.required:
            problems.append(f"{_below(place, name)}: missing")
            found[name] = _WRONG
    if unknown or any(item is _WRONG for item in found.values()):
        return _WRONG
    return shape(**found)


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _kind(value: object) -> str:
    names: Mapping[type, str] = {list: "a list", str: "a text", bool: "a truth value", int: "a number"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)
