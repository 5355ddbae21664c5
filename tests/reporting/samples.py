"""Findings, plans and readings to render; and the schemas that lie in ``docs/schemas``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jsonschema import Draft202012Validator

from shared.domain.arm_id import CONNECTION, ENDPOINT, NETWORK, VAULT, ZONE, ZONE_GROUP, ArmId
from shared.domain.change import (
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import EndpointLink, PrivateEndpoint, ZoneGroup
from shared.domain.finding import Finding, Option
from shared.domain.grades import Applicability, Severity
from shared.domain.network import Network
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Blocker
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import (
    Connection,
    ConnectionStatus,
    DefaultAction,
    NetworkAcl,
    PublicAccess,
    Vault,
)
from shared.domain.zone import RecordSet, Zone, ZoneLink

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
NOW = datetime(2026, 11, 21, 20, 15, 30, 250_000, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
KEY_VAULT = ArmId.of(SUBSCRIPTION, "rg-vaults", VAULT, "contoso")
PE = ArmId.of(SUBSCRIPTION, "rg-net", ENDPOINT, "pe-contoso")
HUB = ArmId.of(SUBSCRIPTION, "rg-net", NETWORK, "hub")
DNS_ZONE = ArmId.of(SUBSCRIPTION, "rg-dns", ZONE, AZURE_CLOUD.private_zone)
RECORD = RecordSet(DNS_ZONE.child("A", "contoso"), 3600, ("10.0.0.4",), etag="7")
LINK = ZoneLink(DNS_ZONE.child("virtualNetworkLinks", "hub"), HUB, completed=True, provisioning_state="Succeeded")
GROUP = ZoneGroup(ArmId.of(SUBSCRIPTION, "rg-net", ZONE_GROUP, "pe-contoso", "default"), (DNS_ZONE,), "Succeeded")
OPEN = NetworkAcl(DefaultAction.ALLOW, "AzureServices", ("203.0.113.0/24",))
CLOSED = NetworkAcl(DefaultAction.DENY, "AzureServices", ("203.0.113.0/24",))


def connection(status: ConnectionStatus, name: str = "pe-contoso.1") -> Connection:
    connection_id = ArmId.of(SUBSCRIPTION, "rg-vaults", CONNECTION, "contoso", name)
    return Connection(connection_id, status, "Succeeded", PE)


PENDING = connection(ConnectionStatus.PENDING)
ENDPOINT_OF_HUB = PrivateEndpoint(
    id=PE,
    network=HUB,
    subnet=HUB.child("subnets", "endpoints"),
    provisioning_state="Succeeded",
    links=(EndpointLink(KEY_VAULT, ConnectionStatus.APPROVED, manual=False),),
    addresses=("10.0.0.4",),
    zone_groups=(),
)
CHANGES: tuple[Change, ...] = (
    CreateRecord(DNS_ZONE, "contoso", ("10.0.0.4",), 60),
    UpdateRecord(RECORD, ("10.0.0.7",), 60, adopt=False),
    DeleteRecord(RECORD),
    CreateLink(DNS_ZONE, HUB),
    DeleteLink(LINK),
    DeleteConnection(connection(ConnectionStatus.DISCONNECTED)),
    ApproveConnection(PENDING),
    RejectConnection(PENDING),
    SetPublicAccess(KEY_VAULT, PublicAccess.ENABLED, PublicAccess.DISABLED),
    SetNetworkAcl(KEY_VAULT, OPEN, CLOSED),
    RefreshZoneGroup(GROUP),
    CreateZone(DNS_ZONE),
    DeleteZone(DNS_ZONE),
    SetLinkRegistration(LINK, enabled=False),
    CreateZoneGroup(ENDPOINT_OF_HUB, DNS_ZONE),
    DeleteZoneGroup(GROUP),
    PointZoneGroup(GROUP, DNS_ZONE, ArmId.of(SUBSCRIPTION, "rg-hub", ZONE, AZURE_CLOUD.private_zone)),
    DeleteEndpoint(ENDPOINT_OF_HUB),
)
UNREAD = Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/privateEndpoints/read")


def option(change: Change, digest: str = "a" * 64, warning: str = "Irreversible.") -> Option:
    blockers = (Blocker("its private endpoint could not be read", UNREAD), Blocker("two claimants"))
    return Option(change, digest, Applicability.APPROVAL, blockers, warning)


def finding(
    *,
    message: str = "Connection pe-contoso.1 is Disconnected and admits nobody.",
    options: tuple[Option, ...] = (),
    evidence: tuple[str, ...] = ("contoso.vault.azure.net is an alias for contoso.privatelink.vaultcore.azure.net.",),
    advice: str = "",
) -> Finding:
    return Finding(
        rule="KVG202",
        name="dead-connection",
        severity=Severity.LOW,
        vault=KEY_VAULT,
        subject=PENDING.id,
        message=message,
        facts=MappingProxyType(
            {"status": "Disconnected", "count": 2, "owned": False, "zone": None, "ips": ["10.0.0.4"]}
        ),
        fingerprint="0123456789abcdef" * 2,
        doc_url="https://example.org/docs/rules/kvg202.md",
        options=options,
        evidence=evidence,
        advice=advice,
    )


def reading(*, record: RecordSet | None, linked: bool) -> VaultSnapshot:
    """A vault with one effective endpoint in ``hub``, and a zone with or without record and link."""
    approved = connection(ConnectionStatus.APPROVED)
    return VaultSnapshot(
        cloud=AZURE_CLOUD,
        read_at=NOW,
        vault=Vault(KEY_VAULT, "westeurope", PublicAccess.DISABLED, None, "Succeeded", (approved,), ()),
        endpoints={PE: ENDPOINT_OF_HUB},
        networks={HUB: Network(HUB, ("10.0.0.0/16",))},
        zones=(Zone(DNS_ZONE, (LINK,) if linked else (), {"contoso": record}, complete=True, cnames_complete=True),),
        neighbours=(),
    )


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def parsed(text: str | bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body
