"""The policy file's shape: what ``policy.yaml`` may hold, each member with its bounds.

::

    version: 1
    rules: {KVG411: fix, KVG101: off}
    scopes: [{scope: /subscriptions/..., rules: {KVG411: audit}}]
    zones:
      - id: /subscriptions/.../privateDnsZones/privatelink.vaultcore.azure.net
        writer: kvguard
        networks: []
        link_resolution_policy: Default
    zone_subscriptions: {ids: [], complete: false}
    profiles:
      default: private
      scopes: [{scope: /subscriptions/..., profile: public}]
      by_tag: [{scope: /subscriptions/..., allowed: [hybrid]}]
    ttl: {minimum: 10, maximum: 600, default: 60}
    timing: {settle_seconds: 120, max_settle_seconds: 900, controller_grace_seconds: 1200, consistency_seconds: 10,
             dead_connection_age_seconds: 86400, pending_connection_age_seconds: 86400}
    connections: {allowed_subscriptions: [], managed_service_subscriptions: []}
    pipeline_ranges: []
    ip_rules: {widest: 24, allowed: [], forbidden: []}
    trusted_services: ignore
    client_networks: [{id: /subscriptions/.../virtualNetworks/..., role: data}]
    dns_mode: zone-group
    access: {forbidden_principals: []}
    budgets: {writes_per_hour: 20}
    exemptions: [{rule: KVG101, scope: /subscriptions/..., reason: ..., owner: ..., expires: 2027-03-31}]
    reviewers: []

Everything but ``version`` may be left out. ``read_document`` finds all errors, not the first, each with its place.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from datetime import date
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

# What a JSON Schema can say of a text; ``policy_meaning`` is stricter, and says it better.
_GUID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
Guid = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_GUID}$"})]
ScopeId = Annotated[str, Meta(extra_json_schema={"pattern": f"^/[^/]+/{_GUID}(/[^/]+/[^/]+(/.+)?)?/?$"})]
ResourceId = Annotated[str, Meta(extra_json_schema={"pattern": f"^/[^/]+/{_GUID}/[^/]+/[^/]+/[^/]+/[^/]+/[^/]+/.+$"})]
Ipv4Range = Annotated[
    str, Meta(extra_json_schema={"pattern": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/([0-9]|[12][0-9]|3[0-2]))?$"})
]
Moment = Annotated[
    str,
    Meta(
        extra_json_schema={
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
            r"([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$"
        }
    ),
]


def _words(most: int) -> Meta:
    """The bounds of a text that must say something."""
    return Meta(max_length=most, extra_json_schema={"pattern": "\\S"})


class ZoneEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A private DNS zone that the policy designates; without ``networks`` it serves every network."""

    id: ResourceId
    writer: Literal["kvguard", "zone-group", "azure-policy", "terraform", "other"]
    networks: list[ResourceId] = field(default_factory=list)
    link_resolution_policy: Literal["Default", "NxDomainRedirect"] = "Default"


class ZoneSubscriptions(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where else zones lie; ``complete`` says that there are none anywhere else."""

    ids: list[Guid] = field(default_factory=list)
    complete: bool = False


class ScopeProfile(Struct, forbid_unknown_fields=True, kw_only=True):
    """The profile of every vault in a subscription, a resource group, or of one vault."""

    scope: ScopeId
    profile: ProfileName


class TagChoice(Struct, forbid_unknown_fields=True, kw_only=True):
    """The profiles that a vault of a scope may choose for itself by its tag ``kvguard-profile``."""

    scope: ScopeId
    allowed: list[ProfileName]


class Profiles(Struct, forbid_unknown_fields=True, kw_only=True):
    """What vaults are for; the narrowest scope wins."""

    default: ProfileName = "private"
    scopes: list[ScopeProfile] = field(default_factory=list)
    by_tag: list[TagChoice] = field(default_factory=list)


class ScopeRules(Struct, forbid_unknown_fields=True, kw_only=True):
    """Modes of rules for the vaults in a subscription, a resource group, or for one vault."""

    scope: ScopeId
    rules: dict[str, ModeName]


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
    """Subscriptions, beside the watched ones, whose private endpoints are not foreign; the second are Microsoft's."""

    allowed_subscriptions: list[Guid] = field(default_factory=list)
    managed_service_subscriptions: list[Guid] = field(default_factory=list)


class IpRules(Struct, forbid_unknown_fields=True, kw_only=True):
    """What IP rules of firewalls may name; ``widest`` is the smallest prefix length."""

    widest: Annotated[int, Meta(ge=1, le=32)] = 24
    allowed: list[Ipv4Range] = field(default_factory=list)
    forbidden: list[Ipv4Range] = field(default_factory=list)


class ClientNetworkEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A virtual network whose clients are meant to reach vaults, and what they need there."""

    id: ResourceId
    role: Literal["data", "management", "both"] = "data"


class Access(Struct, forbid_unknown_fields=True, kw_only=True):
    """Object ids of principals that no vault may let in."""

    forbidden_principals: list[Guid] = field(default_factory=list)


class ExemptionEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule whose findings are silenced in a scope until a date (its beginning, UTC) or a time."""

    rule: str
    scope: ScopeId
    reason: Annotated[str, _words(500)]
    owner: Annotated[str, _words(200)]
    expires: Moment


class Budgets(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many changes kvguard makes by itself, per subscription and hour."""

    writes_per_hour: Annotated[int, Meta(ge=0, le=1000)] = 20


class PolicyDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    version: Literal[1]
    rules: dict[str, ModeName] = field(default_factory=dict)
    scopes: list[ScopeRules] = field(default_factory=list)
    zones: list[ZoneEntry] = field(default_factory=list)
    zone_subscriptions: ZoneSubscriptions = field(default_factory=ZoneSubscriptions)
    profiles: Profiles = field(default_factory=Profiles)
    ttl: TtlEntry = field(default_factory=TtlEntry)
    timing: TimingEntry = field(default_factory=TimingEntry)
    connections: Connections = field(default_factory=Connections)
    pipeline_ranges: list[Ipv4Range] = field(default_factory=list)
    ip_rules: IpRules = field(default_factory=IpRules)
    trusted_services: Literal["require", "forbid", "ignore"] = "ignore"
    client_networks: list[ClientNetworkEntry] = field(default_factory=list)
    dns_mode: Literal["zone-group", "external"] = "zone-group"
    access: Access = field(default_factory=Access)
    budgets: Budgets = field(default_factory=Budgets)
    exemptions: list[ExemptionEntry] = field(default_factory=list)
    reviewers: list[Annotated[str, _words(200)]] = field(default_factory=list)


_WRONG: Final = object()
_PLACE: Final = re.compile(r" - at `[^`]*`$")


def read_document(value: object, problems: list[str]) -> PolicyDocument | None:
    """The document, or None with every error added to ``problems`` as "place: what is wrong"."""
    if value is None:
        value = {}
    read = _read(_as_meant(value), PolicyDocument, "", problems)
    return read if isinstance(read, PolicyDocument) else None


def stated(value: object) -> frozenset[str]:
    """The members that a document gives itself, such as ``ttl`` and ``ttl.minimum``."""
    if not isinstance(value, dict):
        return frozenset()
    found = {str(name) for name in value}
    found.update(f"{name}.{inner}" for name, part in value.items() if isinstance(part, dict) for inner in part)
    return frozenset(found)


def _as_meant(value: object) -> object:
    """The document with what YAML 1.1 takes for something else: unquoted ``off`` is false, ``2027-03-31`` a date."""
    if not isinstance(value, dict):
        return value
    meant = _modes_as_text(value)
    if isinstance(meant.get("scopes"), list):
        meant["scopes"] = [_modes_as_text(entry) if isinstance(entry, dict) else entry for entry in meant["scopes"]]
    if isinstance(meant.get("exemptions"), list):
        meant["exemptions"] = [_expiry_as_text(entry) for entry in meant["exemptions"]]
    return meant


def _modes_as_text(value: dict[Any, Any]) -> dict[Any, Any]:
    rules = value.get("rules")
    if not isinstance(rules, dict):
        return dict(value)
    return {**value, "rules": {name: "off" if mode is False else mode for name, mode in rules.items()}}


def _expiry_as_text(entry: object) -> object:
    if not isinstance(entry, dict) or not isinstance(entry.get("expires"), date):
        return entry
    return {**entry, "expires": entry["expires"].isoformat()}


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
