"""Behaviour of Azure that is not established, or that tests want both ways: one named switch each.

The default is what recordings show, or what is likelier where nothing was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from typing import Any

from emulator.arm.ids import ResourceId


class Quoting(StrEnum):
    """Whether an etag comes with quotes around it."""

    BARE = "bare"
    QUOTED = "quoted"


class Unset(StrEnum):
    """How a member shows that was never set: not there, null, empty (`[]`, `{}`, `""`), or its default."""

    ABSENT = "absent"
    NULL = "null"
    EMPTY = "empty"
    FILLED = "filled"


class LastLink(StrEnum):
    """The nextLink of a last page; `recorded` is null in Key Vault's lists and absent in all others."""

    RECORDED = "recorded"
    ABSENT = "absent"
    NULL = "null"
    EMPTY = "empty"


class Omitted(StrEnum):
    """What a write does to the members of `networkAcls` that its body leaves out."""

    RESET = "reset"
    KEPT = "kept"


class DeleteAnswer(Enum):
    """The answer to the DELETE of a connection: 202 takes a while, the other two are done at once."""

    OK = 200
    ACCEPTED = 202
    NO_CONTENT = 204


class ThrottleCode(StrEnum):
    """The code of a 429 of Resource Manager's own limits."""

    SUBSCRIPTION = "SubscriptionRequestsThrottled"
    TOO_MANY = "TooManyRequests"


class Casing(StrEnum):
    """How a name is spelled."""

    KEPT = "kept"
    UPPER = "upper"
    LOWER = "lower"

    def apply(self, text: str) -> str:
        """The text in this spelling."""
        match self:
            case Casing.UPPER:
                return text.upper()
            case Casing.LOWER:
                return text.lower()
            case Casing.KEPT:
                return text


class LostState(StrEnum):
    """provisioningState of a connection whose endpoint was deleted."""

    DISCONNECTED = "Disconnected"
    SUCCEEDED = "Succeeded"


def _about(about: str, *choices: Enum) -> dict[str, Any]:
    """What a switch does; `choices` where not every value of its type makes sense."""
    return {"about": about, "choices": choices}


@dataclass
class Switches:
    """All switches with their defaults; `listing` tells what each does, `set` takes text for enums."""

    # What answers look like.
    dns_etags: Quoting = field(
        default=Quoting.BARE, metadata=_about("etags of zones and record sets, in body and header")
    )
    link_etags: Quoting = field(
        default=Quoting.QUOTED, metadata=_about("etags of virtual network links, in body and header")
    )
    nested_connection_etag: bool = field(default=True, metadata=_about("a connection inside its vault shows its etag"))
    connection_etag_after_decision: bool = field(
        default=True, metadata=_about("a connection has an etag once approved or rejected")
    )
    custom_dns_configs_emptied_by_zone_group: bool = field(
        default=True, metadata=_about("an endpoint with a zone group shows no customDnsConfigs")
    )
    unset_network_acls: Unset = field(
        default=Unset.ABSENT, metadata=_about("networkAcls of a vault that has none, or the default ones")
    )
    unset_network_rules: Unset = field(
        default=Unset.EMPTY,
        metadata=_about("ipRules and virtualNetworkRules without a rule", Unset.EMPTY, Unset.NULL, Unset.ABSENT),
    )
    unset_vault_connections: Unset = field(
        default=Unset.ABSENT,
        metadata=_about("privateEndpointConnections of a vault without any", Unset.ABSENT, Unset.NULL, Unset.EMPTY),
    )
    unset_rbac_authorization: Unset = field(
        default=Unset.FILLED,
        metadata=_about("enableRbacAuthorization of a vault never told; filled: false", *set(Unset) - {Unset.EMPTY}),
    )
    unset_description: Unset = field(
        default=Unset.ABSENT,
        metadata=_about("description of an auto-approved connection", Unset.ABSENT, Unset.NULL, Unset.EMPTY),
    )
    unset_metadata: Unset = field(
        default=Unset.ABSENT,
        metadata=_about("metadata of a record set without any", Unset.ABSENT, Unset.NULL, Unset.EMPTY),
    )
    unset_tags: Unset = field(
        default=Unset.EMPTY,
        metadata=_about("tags of a vault, zone or link without any", Unset.EMPTY, Unset.NULL, Unset.ABSENT),
    )
    unset_custom_dns_configs: Unset = field(
        default=Unset.EMPTY,
        metadata=_about("customDnsConfigs of an endpoint without any", Unset.EMPTY, Unset.NULL, Unset.ABSENT),
    )
    unset_record_sets: Unset = field(
        default=Unset.EMPTY,
        metadata=_about("recordSets of a zone group that wrote none yet", Unset.EMPTY, Unset.NULL, Unset.ABSENT),
    )
    unset_resolution_policy: Unset = field(
        default=Unset.FILLED,
        metadata=_about("resolutionPolicy of a link never told; filled: Default", *set(Unset) - {Unset.EMPTY}),
    )
    last_next_link: LastLink = field(default=LastLink.RECORDED, metadata=_about("nextLink of a last page"))
    public_network_access_casing: Casing = field(default=Casing.KEPT, metadata=_about("publicNetworkAccess in answers"))
    rule_id_casing: Casing = field(
        default=Casing.KEPT, metadata=_about("ids in virtualNetworkRules, as the service keeps them")
    )
    subnet_member_casing: Casing = field(
        default=Casing.UPPER,
        metadata=_about("group and names of what a subnet says lies in it", Casing.UPPER, Casing.KEPT),
    )
    endpoint_reference_casing: Casing = field(
        default=Casing.KEPT,
        metadata=_about(
            "group and names of the subnet and interface that an endpoint names", Casing.KEPT, Casing.UPPER
        ),
    )
    connection_reference_casing: Casing = field(
        default=Casing.KEPT,
        metadata=_about("group and names of the endpoint that a connection names", Casing.KEPT, Casing.UPPER),
    )
    link_reference_casing: Casing = field(default=Casing.KEPT, metadata=_about("the network id that a link names"))
    interface_link_properties: bool = field(
        default=True, metadata=_about("interfaces of endpoints show privateLinkConnectionProperties")
    )
    vault_member_name: str = field(default="default", metadata=_about("requiredMemberName in an endpoint's interface"))
    key_vault_dns_suffix: str = field(
        default="vault.azure.net", metadata=_about("the suffix of vault addresses, without a leading dot")
    )

    # What writes do.
    strict_etag: bool = field(
        default=False, metadata=_about("If-Match matches an etag only exactly as it is shown, quotes included")
    )
    body_etag_enforced: bool = field(
        default=False, metadata=_about("a stale etag in the body of a zone, record set or link is refused, 412")
    )
    omitted_network_acls: Omitted = field(
        default=Omitted.RESET,
        metadata=_about("networkAcls that a PUT omits, and members of them that a PUT or PATCH omits"),
    )
    connection_delete_answer: DeleteAnswer = field(
        default=DeleteAnswer.ACCEPTED, metadata=_about("the answer to the DELETE of a connection")
    )
    connection_removed_with_endpoint: bool = field(
        default=False,
        metadata=_about("deleting an endpoint removes the vault's connection; otherwise it stays, Disconnected"),
    )
    lost_connection_state: LostState = field(
        default=LostState.DISCONNECTED, metadata=_about("provisioningState of a connection whose endpoint was deleted")
    )
    zone_group_withdraws_any_address: bool = field(
        default=False,
        metadata=_about(
            "a zone group that goes removes its records even if they hold somebody else's addresses by now"
        ),
    )
    link_needs_network_join: bool = field(
        default=True, metadata=_about("a link needs virtualNetworks/join/action on its network")
    )
    network_conflicts: bool = field(
        default=True, metadata=_about("writes to busy network resources are refused, 409 or 429")
    )
    operation_seconds_factor: float = field(
        default=1.0, metadata=_about("how much longer all long operations take than recorded")
    )

    # What reads show: the state as it was so many seconds of Azure ago.
    vault_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a vault"))
    connection_lag: float = field(
        default=0.0, metadata=_about("seconds until reads of connections and their vault show their change")
    )
    endpoint_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a private endpoint"))
    interface_lag: float = field(
        default=0.0, metadata=_about("seconds until reads show a change of a network interface")
    )
    zone_group_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a zone group"))
    zone_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a private DNS zone"))
    record_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a record set"))
    link_lag: float = field(default=0.0, metadata=_about("seconds until reads show a change of a virtual network link"))
    network_lag: float = field(
        default=0.0, metadata=_about("seconds until reads show a change of a virtual network, subnet or peering")
    )

    # What events tell.
    events_at_start: bool = field(
        default=False, metadata=_about("events of long operations tell of their start instead of their end")
    )
    own_write_events: bool = field(
        default=False, metadata=_about("Azure's own writes raise events: records of zone groups, connections")
    )
    deployment_events: bool = field(
        default=False, metadata=_about("each write is preceded by an event of a deployment, same correlation id")
    )
    operation_name_casing: Casing = field(default=Casing.KEPT, metadata=_about("operationName in events"))

    # Lists and limits.
    throttling: bool = field(
        default=True, metadata=_about("requests beyond Azure's limits are refused, 429; never at scale 0")
    )
    throttle_code: ThrottleCode = field(
        default=ThrottleCode.SUBSCRIPTION, metadata=_about("the code of Resource Manager's own 429")
    )
    empty_last_page: bool = field(default=False, metadata=_about("a full last page carries a nextLink to an empty one"))
    page_size: int = field(default=1000, metadata=_about("rows per page of a list"))
    record_page_size: int = field(default=100, metadata=_about("record sets per page"))

    def set(self, name: str, value: object) -> None:
        """Set a switch by name; an enum also by its value.

        Raises ValueError for an unknown name, a value of another type or one that is not among the choices.
        """
        found = _FIELDS.get(name)
        if found is None:
            raise ValueError(f"no switch named {name!r}")
        kind = type(found.default)
        if issubclass(kind, Enum):
            value = _member(name, kind, value)
        elif kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"switch {name} wants a {kind.__name__}")
        if isinstance(value, (int, float)) and value < 0:
            raise ValueError(f"switch {name} must not be negative")
        if found.metadata["choices"] and value not in found.metadata["choices"]:
            raise ValueError(f"switch {name} does not take {value!r}")
        setattr(self, name, value)

    def set_text(self, assignment: str) -> None:
        """Set a switch from `name=value`, as a command line has it. Raises ValueError as `set` does."""
        name, separator, text = assignment.partition("=")
        found = _FIELDS.get(name)
        if not separator or found is None:
            raise ValueError(f"no switch in {assignment!r}; name=value is wanted")
        default = found.default
        if isinstance(default, bool):
            if text not in ("true", "false"):
                raise ValueError(f"switch {name} wants true or false")
            self.set(name, text == "true")
        elif isinstance(default, (int, float)):
            self.set(name, type(default)(text))
        elif isinstance(default, Enum) and isinstance(default.value, int):
            self.set(name, int(text))
        else:
            self.set(name, text)

    def listing(self) -> list[dict[str, Any]]:
        """All switches: name, value, default, what it does, and the values it takes (None: any of its type)."""
        return [
            {
                "name": item.name,
                "value": _plain(getattr(self, item.name)),
                "default": _plain(item.default),
                "about": item.metadata["about"],
                "choices": choices_of(item.name),
            }
            for item in _FIELDS.values()
        ]

    @property
    def lagging(self) -> bool:
        """Whether any read shows an older state."""
        return bool(
            self.connection_lag
            or self.record_lag
            or self.vault_lag
            or self.endpoint_lag
            or self.interface_lag
            or self.zone_group_lag
            or self.zone_lag
            or self.link_lag
            or self.network_lag
        )


_FIELDS = {item.name: item for item in fields(Switches)}


def choices_of(name: str) -> list[Any] | None:
    """The values a switch takes, as JSON has them; None for numbers and free text. Raises KeyError for no switch."""
    found = _FIELDS[name]
    if isinstance(found.default, bool):
        return [False, True]
    if isinstance(found.default, Enum):
        allowed = found.metadata["choices"] or list(type(found.default))
        return sorted((item.value for item in allowed), key=str)
    return None


def _member(name: str, kind: type[Enum], value: object) -> Enum:
    try:
        return kind(value)
    except ValueError as error:
        raise ValueError(f"switch {name} does not take {value!r}") from error


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def spelled(target: ResourceId, casing: Casing) -> str:
    """An id, its group and names upper-cased where the switch says so."""
    return target.upper_text if casing is Casing.UPPER else target.text


def show(body: dict[str, Any], member: str, value: Any, unset: Unset, *, empty: Any = None, filled: Any = None) -> None:
    """Put a member into a body: its value if it has one (not None, not empty), otherwise as the switch says."""
    if value or isinstance(value, bool):
        body[member] = value
        return
    match unset:
        case Unset.NULL:
            body[member] = None
        case Unset.EMPTY:
            body[member] = empty
        case Unset.FILLED:
            body[member] = filled
        case Unset.ABSENT:
            pass
