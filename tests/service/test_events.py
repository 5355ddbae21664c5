"""From envelopes to hints: what is work, what is ignored and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.message import Hint
from shared.service.events import Envelope, Ignored, to_hint

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TENANT = "11111111-1111-1111-1111-111111111111"
SUB = "00000000-0000-0000-0000-00000000000a"
GROUP = f"/subscriptions/{SUB}/resourcegroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/contoso"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
WRITE = "Microsoft.Resources.ResourceWriteSuccess"


def event(uri: str = VAULT, kind: str = WRITE, **data: Any) -> Envelope:
    body = {"resourceUri": uri, "operationName": "x/write", "status": "Succeeded", "tenantId": TENANT, **data}
    return Envelope(kind, uri, NOW - timedelta(seconds=3), {k: v for k, v in body.items() if v is not ...})


def hint(envelope: Envelope) -> Hint:
    result = to_hint(envelope, TENANT, NOW)
    assert isinstance(result, Hint), result
    return result


def reason(envelope: Envelope) -> str:
    result = to_hint(envelope, TENANT, NOW)
    assert isinstance(result, Ignored), result
    return result.reason


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        (VAULT, VAULT),
        (VAULT.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), VAULT),
        (f"{VAULT}/privateEndpointConnections/c", f"{VAULT}/privateEndpointConnections/c"),
        (f"{VAULT}/accessPolicies/add", VAULT),
        (ENDPOINT, ENDPOINT),
        (f"{ZONE}/A/contoso", f"{ZONE}/A/contoso"),
        (f"{ZONE}/virtualNetworkLinks/l", f"{ZONE}/virtualNetworkLinks/l"),
        (NETWORK, NETWORK),
    ],
)  # fmt: skip
def test_a_change_of_a_routed_resource_is_a_hint(uri: str, target: str) -> None:
    assert hint(event(uri)).resource.key == target.casefold()


@pytest.mark.parametrize("kind", ["Write", "Delete", "Action"])
def test_every_successful_kind_counts(kind: str) -> None:
    assert hint(event(kind=f"Microsoft.Resources.Resource{kind}Success")).resource.name == "contoso"


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (event(kind="Microsoft.Resources.ResourceWriteFailure"), "unsuccessful"),
        (event(kind="Microsoft.Resources.ResourceDeleteCancel"), "unsuccessful"),
        (event(status="Failed"), "unsuccessful"),
        (event(kind="Microsoft.Storage.BlobCreated"), "foreign-type"),
        (Envelope(None, VAULT, NOW, {"x": 1}), "foreign-type"),
        (event(tenantId="22222222-2222-2222-2222-222222222222"), "foreign-tenant"),
        (Envelope(WRITE, VAULT, NOW, None), "no-data"),
        (Envelope(WRITE, VAULT, NOW, "{}"), "no-data"),
        (Envelope(WRITE, VAULT, NOW, []), "no-data"),
        (event(uri="/subscriptions/x"), "no-resource"),
        (event(uri=f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"), "unrelated-type"),
        (event(uri=f"{VAULT}/secrets/s"), "unrelated-type"),
    ],
)
def test_what_is_no_work_is_ignored_with_a_reason(envelope: Envelope, why: str) -> None:
    assert reason(envelope) == why


@pytest.mark.parametrize(
    "data",
    [
        {"resourceUri": ...},
        {"resourceUri": None},
        {"resourceUri": 7},
        {"operationName": None},
        {"tenantId": None},
        {"status": None},
        {"claims": "", "authorization": ""},
        {"claims": None, "authorization": None},
        {"claims": [], "authorization": {"evidence": "x"}},
    ],
)
def test_missing_and_null_members_lose_no_event(data: Mapping[str, Any]) -> None:
    assert hint(event(**data)).resource.name == "contoso"


def test_the_initiator_comes_from_the_claims_and_else_from_the_evidence() -> None:
    evidence = {"evidence": {"principalId": "sp-1"}}
    assert hint(event(claims={OBJECT_ID: "user-1"}, authorization=evidence)).initiator == "user-1"
    assert hint(event(claims={}, authorization=evidence)).initiator == "sp-1"
    assert hint(event(claims={OBJECT_ID: 7})).initiator == ""


def test_a_time_is_one_that_can_be_true() -> None:
    """Azure's clock may be ahead of the app's by minutes, never by a day; no time becomes now."""
    body = event().data
    assert hint(Envelope(WRITE, VAULT, NOW + timedelta(minutes=4), body)).time == NOW + timedelta(minutes=4)
    assert hint(Envelope(WRITE, VAULT, NOW + timedelta(days=1), body)).time == NOW + timedelta(minutes=15)
    assert hint(Envelope(WRITE, VAULT, NOW - timedelta(days=900), body)).time == NOW - timedelta(days=2)
    assert hint(Envelope(WRITE, VAULT, None, body)).time == NOW
    assert hint(event()).time == NOW - timedelta(seconds=3)
