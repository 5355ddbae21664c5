"""Tokens, the identity endpoint, rights, and the request log as a witness."""

import json
import os
import subprocess
import sys

import pytest
import requests

from emulator.arm.access import Principal
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    RECORD,
    SUBNET,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    Estate,
    endpoint_body,
    link_body,
    record_body,
    vault_body,
    zone_group_body,
)

READ_AS_MANAGED_IDENTITY = """
import sys
from azure.identity import ManagedIdentityCredential
from azure.mgmt.keyvault import KeyVaultManagementClient
url, subscription, group, vault = sys.argv[1:]
client = KeyVaultManagementClient(ManagedIdentityCredential(), subscription, base_url=url,
    credential_scopes=["https://management.azure.com/.default"])
print(client.vaults.get(group, vault).id)
"""


def _get(azure: LocalAzure, token: str | None) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{azure.url}{SUBSCRIPTION_ID}?api-version=2022-12-01"
    return session.get(url, headers=headers, verify=str(azure.ca_path), timeout=5)


def test_a_managed_identity_of_azure_identity_reads_a_vault(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    parts = VAULT.split("/")
    result = subprocess.run(
        [sys.executable, "-c", READ_AS_MANAGED_IDENTITY, azure.url, parts[2], parts[4], parts[8]],
        env={"PATH": os.environ["PATH"], **azure.env_for("guard")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout.strip() == VAULT, result.stderr
    caller = azure.log.since()[-1].caller
    assert caller == Principal.named("guard")


def test_tokens_are_checked_for_signature_audience_and_age(azure: LocalAzure) -> None:
    who = azure.operator
    fine = azure.identities.token(who, "https://management.azure.com/")
    assert _get(azure, fine).status_code == 200
    missing = _get(azure, None)
    assert missing.status_code == 401
    assert missing.json()["error"]["code"] == "AuthenticationFailed"
    assert missing.headers["WWW-Authenticate"].startswith(f'Bearer authorization_uri="{azure.url}/{azure.tenant}"')
    refused = {
        "InvalidAuthenticationToken": f"{fine[:-6]}AAAAAA",
        "InvalidAuthenticationTokenAudience": azure.identities.token(who, "https://vault.azure.net"),
        "ExpiredAuthenticationToken": azure.identities.token(who, "https://management.azure.com", lifetime=-10),
    }
    for code, token in refused.items():
        answer = _get(azure, token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_a_principal_of_another_tenant_s_making_is_unknown(azure: LocalAzure) -> None:
    stranger = azure.identities.token(Principal.named("stranger"), "https://management.azure.com")
    assert _get(azure, stranger).status_code == 401


def test_the_identity_endpoint_wants_its_secret_and_a_resource(azure: LocalAzure) -> None:
    env = azure.env_for("guard")
    session = requests.Session()
    session.trust_env = False
    session.verify = str(azure.ca_path)

    def ask(secret: str, query: str) -> requests.Response:
        url = f"{env['IDENTITY_ENDPOINT']}?api-version=2019-08-01{query}"
        return session.get(url, headers={"X-IDENTITY-HEADER": secret}, timeout=5)

    resource = "&resource=https://management.azure.com/"
    good = ask(env["IDENTITY_HEADER"], resource)
    assert good.status_code == 200
    assert set(good.json()) >= {"access_token", "expires_on", "resource", "token_type"}
    assert int(good.json()["expires_on"]) > 0
    assert _get(azure, good.json()["access_token"]).status_code == 200
    assert ask("guess", resource).status_code == 401
    assert ask(env["IDENTITY_HEADER"], "").status_code == 400
    assert ask(env["IDENTITY_HEADER"], f"{resource}&client_id=unknown").status_code == 400
    own = Principal.named("guard").appid
    assert ask(env["IDENTITY_HEADER"], f"{resource}&client_id={own}").status_code == 200


def test_a_denied_action_is_named_in_the_refusal(azure: LocalAzure, estate: Estate) -> None:
    estate.everything()
    guard = ArmClient(azure, "guard")
    azure.deny("guard", "Microsoft.Network/privateDnsZones/read", GROUP)
    answer = guard.get(ZONE)
    assert answer.status_code == 403
    error = answer.json()["error"]
    who = Principal.named("guard")
    assert error["code"] == "AuthorizationFailed"
    assert error["message"].startswith(
        f"The client '{who.appid}' with object id '{who.oid}' does not have authorization to perform action "
        f"'Microsoft.Network/privateDnsZones/read' over scope '{ZONE}' or the scope is invalid."
    )
    assert guard.get(RECORD).status_code == 200
    assert ArmClient(azure).get(ZONE).status_code == 200


def test_lists_hide_what_the_caller_may_not_read(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    other = f"{SUBSCRIPTION_ID}/resourceGroups/rg-other"
    estate.put(other, {"location": "westeurope"})
    seen = f"{other}/providers/Microsoft.KeyVault/vaults/kv-other"
    estate.put(seen, vault_body())
    azure.deny("guard", "Microsoft.KeyVault/vaults/read", GROUP)
    guard = ArmClient(azure, "guard")
    rows = guard.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()["value"]
    assert [row["id"] for row in rows] == [seen]
    azure.deny("guard", "Microsoft.KeyVault/vaults/read", SUBSCRIPTION_ID)
    assert guard.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").status_code == 403


def test_granted_actions_are_all_there_is(azure: LocalAzure, estate: Estate) -> None:
    estate.zone()
    azure.grant("guard", ["Microsoft.Network/privateDnsZones/A/*", "*/read"], not_actions=["*/delete"])
    guard = ArmClient(azure, "guard")
    assert guard.put(RECORD, record_body("10.1.0.4")).status_code == 201
    assert guard.delete(RECORD).status_code == 403
    assert guard.get(ZONE).status_code == 200
    assert guard.put(ZONE, {"location": "global"}).status_code == 403
    azure.service.world.access.restore("guard")
    assert guard.delete(RECORD).status_code == 200


@pytest.mark.parametrize(
    ("denied", "path", "body", "linked"),
    [
        ("Microsoft.Network/privateDnsZones/join/action", ZONE_GROUP, zone_group_body(), ZONE),
        ("Microsoft.Network/virtualNetworks/join/action", LINK, link_body(), NETWORK),
        ("Microsoft.Network/virtualNetworks/subnets/join/action", ENDPOINT, endpoint_body(), SUBNET),
        ("Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action", ENDPOINT, endpoint_body(), VAULT),
    ],
)
def test_joining_needs_a_right_on_what_is_joined(
    azure: LocalAzure, estate: Estate, denied: str, path: str, body: dict[str, object], linked: str
) -> None:
    estate.everything()
    for existing in (ZONE_GROUP, LINK, ENDPOINT):
        if existing == path:
            estate.delete(existing)
    azure.deny("guard", denied)
    answer = ArmClient(azure, "guard").put(path, body)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "LinkedAuthorizationFailed"
    message = answer.json()["error"]["message"]
    assert f"permission to perform action(s) '{denied}' on the linked scope(s) '{linked}'" in message
    assert ArmClient(azure).get(path).status_code == 404


def test_the_log_witnesses_caller_verb_resource_and_body(azure: LocalAzure, estate: Estate, sdk: Sdk) -> None:
    estate.zone()
    mark = azure.log.mark()
    guard = Sdk.of(azure, "guard")
    with azure.requests_ca():
        records = guard.privatedns.record_sets
        records.create_or_update("rg-kv-prod", ZONE_NAME, "a", "Kv-Orders", record_body("10.1.0.4"))
    ArmClient(azure).get(f"{RECORD}", headers={"If-Match": "x"})
    [write] = azure.log.writes("guard", since=mark)
    assert (write.method, write.status, write.action) == ("PUT", 201, "Microsoft.Network/privateDnsZones/A/write")
    assert write.resource_id.casefold() == RECORD.casefold()
    assert "/a/Kv-Orders" in write.path
    assert write.body["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]
    assert azure.log.writes("operator", since=mark) == []
    assert [entry.method for entry in azure.log.about(RECORD, since=mark)] == ["PUT", "GET"]
    assert azure.log.since(mark)[-1].request_headers["if-match"] == "x"


def test_refused_requests_are_logged_without_a_caller(azure: LocalAzure) -> None:
    _get(azure, None)
    [entry] = azure.log.since()
    assert (entry.caller, entry.status) == (None, 401)


def test_seeding_leaves_no_trace_in_the_log(azure: LocalAzure, estate: Estate) -> None:
    estate.everything()
    assert azure.log.since() == []
    assert json.dumps(azure.ready()["subscriptions"]) == f'["{VAULT.split("/")[2]}"]'
