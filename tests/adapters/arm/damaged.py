"""What a damage to one member of one body changes in what is found.

Nothing is served here: the reader asks a client that answers from memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, cast

from shared.adapters.arm_client import ArmAnswer, ArmClient
from shared.adapters.arm_errors import ArmNotFound
from shared.adapters.arm_reader import ArmReader
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.finding import Assessment
from shared.domain.grades import ClientRole, TrustedServices, Writer
from shared.domain.policy import ClientNetwork, Policy, ZonePolicy
from shared.domain.reading import Gone, Part
from shared.engine.evaluate import evaluate
from shared.rules.registry import RULES
from shared.service.ports import EstateError
from tests.adapters.arm.bench import GivenPolicy, HandClock, seconds
from tests.adapters.arm.worlds import SPOKE, SUBSCRIPTION, VAULT, WRITER, ZONE, Documents

Steps = tuple[str | int, ...]


class _Pace:
    def turn(self, subscription: str, subject: str) -> float:
        return 0.0


class Answers:
    """Resource Manager from memory: ``documents`` by path, lists under their own path with ``value``."""

    pace = _Pace()
    azure_time_offset = None

    def __init__(self) -> None:
        self.documents: Documents = {}

    def get(self, path: str, api_version: str, *, deadline: object) -> ArmAnswer:
        known = {key.casefold(): body for key, body in self.documents.items()}
        if path.casefold() not in known:
            raise ArmNotFound(f"GET {path}", 404, "ResourceNotFound", "not there")
        return ArmAnswer(200, json.dumps(known[path.casefold()]).encode(), {})

    def pages(self, path: str, api_version: str, query: str = "", *, deadline: object) -> Iterator[bytes]:
        yield self.get(path, api_version, deadline=deadline).body


def _policy(writer: Writer = Writer.KVGUARD) -> Policy:
    return Policy(
        zones=(ZonePolicy(ArmId.parse(ZONE), writer),),
        zone_subscriptions_complete=True,
        watched_subscriptions=frozenset({SUBSCRIPTION.rpartition("/")[2]}),
        client_networks=(ClientNetwork(ArmId.parse(SPOKE), ClientRole.DATA),),
        trusted_services=TrustedServices.FORBID,
    )


@dataclass(frozen=True)
class Judged:
    """What was found, and of which rules at least one subject could not be judged."""

    findings: frozenset[tuple[str, ArmId]]
    unknown: frozenset[str]
    groups: frozenset[tuple[str, ArmId]]


class Court:
    """Reads a world and judges it by all rules; None when the vault itself could not be read."""

    def __init__(self) -> None:
        self._answers = Answers()
        subscription = frozenset({SUBSCRIPTION.rpartition("/")[2]})
        client = cast("ArmClient", self._answers)
        self._reader = ArmReader(client, AZURE_CLOUD, GivenPolicy(_policy()), subscription, HandClock())

    def judge(self, documents: Documents) -> Judged | None:
        self._answers.documents = documents
        policy = _policy(Writer(documents.get(WRITER, Writer.KVGUARD.value)))
        parts = frozenset(Part)
        try:
            snapshot = self._reader.read(ArmId.parse(VAULT), deadline=seconds(30), parts=parts, fresh=True)
        except EstateError:
            return None
        assert not isinstance(snapshot, Gone), "a vault that is there was said to be gone"
        return judged(evaluate(snapshot, policy, RULES))


_GROUP_OF: Final = {rule.id: rule.group for rule in RULES}


def judged(assessment: Assessment) -> Judged:
    """The parts of an assessment that count here."""
    found = frozenset((finding.rule, finding.subject) for finding in assessment.findings)
    return Judged(
        found,
        frozenset(entry.rule for entry in assessment.not_evaluated),
        frozenset((_GROUP_OF[rule], subject) for rule, subject in found if _GROUP_OF[rule]),
    )


@dataclass(frozen=True)
class Meaning:
    """A member whose absence or unknown value has a meaning, so that a damage to it may silence a finding.

    ``departure`` is a world in which it does. ``document`` ends the path of the document, ``member`` begins the path
    inside it (any index is ``*``), ``exactly`` that path alone. ``instead`` are rules of which one must find something
    or say that it could not judge; none for a documented default.
    """

    departure: str
    document: str
    member: tuple[str, ...]
    why: str
    instead: frozenset[str] = frozenset()
    exactly: bool = False

    def covers(self, document: str, path: Steps) -> bool:
        """Whether a damage at this place is this one."""
        steps = tuple("*" if isinstance(step, int) else step for step in path)
        if not document.casefold().endswith(self.document.casefold()):
            return False
        return steps == self.member if self.exactly else steps[: len(self.member)] == self.member


def _meant(departure: str, document: str, member: str, why: str, *instead: str, exactly: bool = False) -> Meaning:
    return Meaning(departure, document, tuple(member.split(".")), why, frozenset(instead), exactly)


_VAULT: Final = "/vaults/Kv-Orders"
_REST: Final = "https://learn.microsoft.com/rest/api/"
MEANINGS: Final = (
    _meant(
        "pending",
        _VAULT,
        "properties.privateEndpointConnections",
        f"absent in a vault without connections: {_REST}keyvault/keyvault/vaults/get",
        exactly=True,
    ),
    _meant(
        "pending",
        _VAULT,
        "properties.privateEndpointConnections.*.properties",
        "a connection in no known state carries nothing: it is found itself, and what would rest on it is not asked",
        "KVG203",
        "KVG204",
    ),
    _meant(
        "shut", _VAULT, "properties.publicNetworkAccess", "absent means Enabled, which is found", "KVG101", "KVG107"
    ),
    _meant(
        "allow-listed",
        _VAULT,
        "properties.networkAcls",
        "absent means open to all networks, which is found",
        "KVG101",
        exactly=True,
    ),
    _meant(
        "empty-rules", _VAULT, "properties.networkAcls.defaultAction", "absent means Allow, which is found", "KVG101"
    ),
    _meant(
        "allow-listed",
        _VAULT,
        "properties.networkAcls.ipRules",
        f"optional: {_REST}keyvault/keyvault/vaults/get",
        exactly=True,
    ),
    _meant(
        "allow-listed",
        _VAULT,
        "properties.networkAcls.virtualNetworkRules",
        f"optional: {_REST}keyvault/keyvault/vaults/get",
        exactly=True,
    ),
    _meant(
        "open", _VAULT, "properties.accessPolicies", f"optional, each kind too: {_REST}keyvault/keyvault/vaults/get"
    ),
    _meant(
        "open",
        _VAULT,
        "tags",
        "a resource without tags: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources",
    ),
    _meant(
        "custom-dns",
        "/Vnet-Spoke",
        "properties.dhcpOptions",
        f"Azure's own DNS: {_REST}virtualnetwork/virtual-networks/get",
    ),
    _meant(
        "blocked",
        "/Vnet-Spoke",
        "properties.subnets.*.properties.networkSecurityGroup",
        f"no group is associated: {_REST}virtualnetwork/subnets/get",
        exactly=True,
    ),
    _meant(
        "open",
        "/Vnet-Spoke",
        "properties.virtualNetworkPeerings.*.properties.peeringState",
        "no traffic is promised over a peering in no known state",
        "KVG506",
    ),
    _meant(
        "odd-endpoint",
        "/Pe-Orders",
        "properties.networkInterfaces",
        "where the interface cannot be read, its copies count",
    ),
    _meant("odd-endpoint", "nic.5b0d7a3c-2f7e-4c8e-9d3b-1f6a0c9e2d41", "properties", "the same"),
    _meant(
        "odd-link",
        "/virtualNetworkLinks",
        "value.*.properties.resolutionPolicy",
        f"absent means Default: {_REST}dns/privatedns/virtual-network-links/get",
    ),
    _meant(
        "failed-link",
        "/virtualNetworkLinks",
        "value.*.properties.provisioningState",
        "a link that is not completed and does not say that it failed is under way: time decides",
    ),
    _meant(
        "hijack",
        "Microsoft.Network/privateDnsZones",
        "value",
        "zones that cannot be listed are said to be unread",
        "KVG402",
    ),
)


def lost(before: Judged, after: Judged | None, document: str, path: Steps) -> list[str]:
    """The rules of findings that a damage has silenced: no longer found, and nothing says why.

    Not lost is what the same rule, or another one of its group for the same subject, still finds; what the rule says
    that it could not judge; and what MEANINGS explains.
    """
    if after is None:
        return []
    silenced = sorted(
        rule
        for rule, subject in before.findings
        if (rule, subject) not in after.findings
        and rule not in after.unknown
        and (_GROUP_OF[rule], subject) not in after.groups
    )
    said = {rule for rule, _ in after.findings} | after.unknown
    explained = any(
        meaning.covers(document, path) and (not meaning.instead or meaning.instead & said) for meaning in MEANINGS
    )
    return [] if explained else silenced


def paths(document: Any, path: Steps = ()) -> list[Steps]:
    """Every member of a document, at any depth."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    deeper = [found for key, value in items for found in paths(value, (*path, key))]
    return [path, *deeper] if path else deeper


REMOVED: Final = object()
_UNKNOWN: Final = "Zzz-unknown"


def damages(value: Any) -> list[Any]:
    """What a member may turn into that is none of its documented values; first of all nothing."""
    if isinstance(value, bool):
        return [REMOVED, None, "yes", 7, []]
    if isinstance(value, int):
        return [REMOVED, None, "x", []]
    if isinstance(value, str):
        return [REMOVED, None, _UNKNOWN, 7, []]
    if isinstance(value, list):
        return [REMOVED, None, _UNKNOWN, {}]
    if isinstance(value, dict):
        return [REMOVED, None, _UNKNOWN, [], {}]
    return [REMOVED, _UNKNOWN, 7]


def member(document: Any, path: Steps) -> Any:
    """The value at a path."""
    for step in path:
        document = document[step]
    return document


def damaged(world: Documents, name: str, path: Steps, value: Any) -> Documents:
    """The world with one member of one document removed or replaced."""
    copy = {**world, name: deepcopy(world[name])}
    home = member(copy[name], path[:-1])
    if value is REMOVED:
        if isinstance(home, list):
            home[cast("int", path[-1])] = None
        else:
            del home[path[-1]]
    else:
        home[path[-1]] = value
    return copy
