"""The equivalent texts of every change do what the change does, and no more: read back with parsers of others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest

from shared.adapters import arm_api
from shared.domain.arm_id import ZONE, ArmId
from shared.domain.change import (
    Change,
    CreateLink,
    CreateRecord,
    DeleteRecord,
    PointZoneGroup,
    RefreshZoneGroup,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from shared.domain.zone import ResolutionPolicy
from shared.reporting.snippets import MOST_CHARACTERS, Snippets, snippets
from tests.reporting.read_back import argvs, bicep, terraform
from tests.reporting.samples import (
    CHANGES,
    CLOSED,
    DNS_ZONE,
    GROUP,
    HUB,
    KEY_VAULT,
    LINK,
    OPEN,
    PE,
    PENDING,
    RECORD,
    SUBSCRIPTION,
)

IN_DNS = ["--resource-group=rg-dns", f"--subscription={SUBSCRIPTION}"]
IN_NET = ["--resource-group=rg-net", f"--subscription={SUBSCRIPTION}"]
THE_VAULT = ["--name=contoso", "--resource-group=rg-vaults", f"--subscription={SUBSCRIPTION}"]
IN_ZONE = ["--zone-name=privatelink.vaultcore.azure.net", *IN_DNS]
OTHER_ZONE = ArmId.of(SUBSCRIPTION, "rg-hub", ZONE, "privatelink.vaultcore.azure.net")
ONE_ZONE = ArmId.of(SUBSCRIPTION, "rg-dns", ZONE, "contoso.vault.azure.net")
SUBNET = HUB.child("subnets", "apps")
OF_OTHERS = replace(RECORD, metadata={"owner": "team a", "managed-by": "terraform"})


def of_verb(verb: str) -> Snippets:
    (change,) = (change for change in CHANGES if change.verb == verb)
    return snippets(change)


def request(text: str) -> dict[str, object]:
    """The one ``az rest`` request of a text: method, url, and headers and body as JSON values where there are any."""
    (words,) = argvs(text)
    assert words[:2] == ["az", "rest"]
    found: dict[str, object] = {}
    for word in words[2:]:
        name, _, value = word.removeprefix("--").partition("=")
        assert name not in found
        found[name] = json.loads(value) if name in ("headers", "body") else value
    return found


def test_the_api_versions_are_those_that_kvguard_writes_with() -> None:
    assert {symbol.type for change in CHANGES for symbol in bicep(snippets(change).bicep).values()} == {
        f"Microsoft.KeyVault/vaults@{arm_api.VAULTS_API}",
        f"Microsoft.Network/privateDnsZones@{arm_api.ZONES_API}",
        f"Microsoft.Network/privateDnsZones/A@{arm_api.ZONES_API}",
        f"Microsoft.Network/privateDnsZones/virtualNetworkLinks@{arm_api.ZONES_API}",
        f"Microsoft.Network/privateEndpoints@{arm_api.NETWORK_API}",
        f"Microsoft.Network/privateEndpoints/privateDnsZoneGroups@{arm_api.NETWORK_API}",
    }


AZ: dict[str, list[list[str]]] = {
    "create-record": [
        [
            "private-dns",
            "record-set",
            "a",
            "create",
            "--name=contoso",
            *IN_ZONE,
            "--ttl=60",
            "--metadata=managed-by=kvguard",
        ],
        [
            "private-dns",
            "record-set",
            "a",
            "add-record",
            "--record-set-name=contoso",
            *IN_ZONE,
            "--ipv4-address=10.0.0.4",
        ],
    ],
    "create-link": [
        [
            "private-dns",
            "link",
            "vnet",
            "create",
            f"--name={CreateLink(DNS_ZONE, HUB).name}",
            *IN_ZONE,
            f"--virtual-network={HUB}",
            "--registration-enabled=false",
            "--resolution-policy=Default",
        ]
    ],
    "delete-link": [["private-dns", "link", "vnet", "delete", "--name=hub", *IN_ZONE, "--yes"]],
    "create-zone": [
        [
            "private-dns",
            "zone",
            "create",
            "--name=privatelink.vaultcore.azure.net",
            *IN_DNS,
            "--tags=managed-by=kvguard",
        ]
    ],
    "delete-zone": [["private-dns", "zone", "delete", "--name=privatelink.vaultcore.azure.net", *IN_DNS, "--yes"]],
    "create-zone-group": [
        [
            "private-endpoint",
            "dns-zone-group",
            "create",
            "--name=default",
            "--endpoint-name=pe-contoso",
            *IN_NET,
            f"--private-dns-zone={DNS_ZONE}",
            "--zone-name=privatelink-vaultcore-azure-net",
        ]
    ],
    "delete-zone-group": [
        ["private-endpoint", "dns-zone-group", "delete", "--name=default", "--endpoint-name=pe-contoso", *IN_NET]
    ],
    "delete-endpoint": [["private-endpoint", "delete", "--name=pe-contoso", *IN_NET]],
    "approve-connection": [["private-endpoint-connection", "approve", f"--id={PENDING.id}"]],
    "reject-connection": [["private-endpoint-connection", "reject", f"--id={PENDING.id}"]],
    "delete-connection": [["private-endpoint-connection", "delete", f"--id={PENDING.id}", "--yes"]],
}


@pytest.mark.parametrize("verb", AZ)
def test_az_has_a_command_of_its_own(verb: str) -> None:
    assert argvs(of_verb(verb).az) == [["az", "network", *words] for words in AZ[verb]]


def test_a_record_is_updated_whole_and_only_while_it_has_the_etag_that_was_read() -> None:
    change = UpdateRecord(OF_OTHERS, ("10.0.0.7", "10.0.0.8"), 60, adopt=False)

    assert request(snippets(change).az) == {
        "method": "put",
        "url": f"{RECORD.id}?api-version={arm_api.ZONES_API}",
        "headers": {"If-Match": "7"},
        "body": {
            "properties": {
                "ttl": 60,
                "metadata": {"owner": "team a", "managed-by": "terraform"},
                "aRecords": [{"ipv4Address": "10.0.0.7"}, {"ipv4Address": "10.0.0.8"}],
            }
        },
    }


@pytest.mark.parametrize(("adopt", "mark"), [(False, "terraform"), (True, "kvguard")])
def test_an_update_keeps_the_metadata_and_adds_the_mark_only_when_it_adopts(adopt: bool, mark: str) -> None:
    texts = snippets(UpdateRecord(OF_OTHERS, ("10.0.0.7",), 60, adopt))
    wanted = {"owner": "team a", "managed-by": mark}

    body = request(texts.az)["body"]
    imported, resource = terraform(texts.terraform)
    assert isinstance(body, dict)
    assert body["properties"]["metadata"] == wanted
    assert bicep(texts.bicep)["record"].config["properties"]["metadata"] == wanted
    assert resource.body["tags"] == wanted
    assert imported.body["id"] == RECORD.id.text


def test_a_record_without_an_etag_must_at_least_exist() -> None:
    before = replace(RECORD, etag="")

    for change in (UpdateRecord(before, ("10.0.0.7",), 60, adopt=False), DeleteRecord(before)):
        assert request(snippets(change).az)["headers"] == {"If-Match": "*"}


def test_a_record_is_deleted_only_while_it_has_the_etag_that_was_read() -> None:
    assert request(of_verb("delete-record").az) == {
        "method": "delete",
        "url": f"{RECORD.id}?api-version={arm_api.ZONES_API}",
        "headers": {"If-Match": "7"},
    }


def test_a_record_is_put_back_as_it_was_in_one_request() -> None:
    change = CreateRecord(DNS_ZONE, "contoso", ("10.0.0.4",), 3600, {"owner": "team a"})

    assert request(snippets(change).az) == {
        "method": "put",
        "url": f"{RECORD.id}?api-version={arm_api.ZONES_API}",
        "headers": {"If-None-Match": "*"},
        "body": {
            "properties": {"ttl": 3600, "metadata": {"owner": "team a"}, "aRecords": [{"ipv4Address": "10.0.0.4"}]}
        },
    }


def test_the_record_of_the_zone_itself_is_named_by_its_sign() -> None:
    change = CreateRecord(DNS_ZONE, "@", ("10.0.0.4",), 60)
    texts = snippets(change)

    assert "--name=@" in argvs(texts.az)[0]
    assert request(snippets(DeleteRecord(replace(RECORD, id=change.target))).az)["url"] == (
        f"{DNS_ZONE}/A/%40?api-version={arm_api.ZONES_API}"
    )
    assert bicep(texts.bicep)["record"].config["name"] == "@"


@pytest.mark.parametrize("enabled", [True, False])
def test_registration_is_one_property(enabled: bool) -> None:
    texts = snippets(SetLinkRegistration(replace(LINK, registration_enabled=not enabled), enabled))

    assert request(texts.az) == {
        "method": "patch",
        "url": f"{LINK.id}?api-version={arm_api.ZONES_API}",
        "body": {"properties": {"registrationEnabled": enabled}},
    }
    (update,) = terraform(texts.terraform)
    assert update.labels == ("azapi_update_resource", "kvguard")
    assert update.body["resource_id"] == LINK.id.text
    assert update.body["body"] == {"properties": {"registrationEnabled": enabled}}
    assert bicep(texts.bicep)["link"].config["properties"]["registrationEnabled"] is enabled


@pytest.mark.parametrize("policy", [ResolutionPolicy.DEFAULT, ResolutionPolicy.NXDOMAIN_REDIRECT])
def test_a_link_keeps_its_resolution_policy(policy: ResolutionPolicy) -> None:
    texts = snippets(CreateLink(DNS_ZONE, HUB, policy))

    (words,) = argvs(texts.az)
    (resource,) = terraform(texts.terraform)
    assert f"--resolution-policy={policy.value}" in words
    assert resource.body["resolution_policy"] == policy.value
    assert resource.body["virtual_network_id"] == HUB.text
    assert resource.body["registration_enabled"] is False
    link = bicep(texts.bicep)["link"].config
    assert link["location"] == "global"
    assert link["properties"] == {
        "virtualNetwork": {"id": HUB.text},
        "registrationEnabled": False,
        "resolutionPolicy": policy.value,
    }


def test_a_zone_group_keeps_its_other_zones() -> None:
    group = replace(GROUP, zones=(ONE_ZONE, DNS_ZONE))
    wanted = [
        {"name": "contoso-vault-azure-net", "properties": {"privateDnsZoneId": ONE_ZONE.text}},
        {"name": "privatelink-vaultcore-azure-net", "properties": {"privateDnsZoneId": OTHER_ZONE.text}},
    ]

    texts = snippets(PointZoneGroup(group, DNS_ZONE, OTHER_ZONE))

    (update,) = terraform(texts.terraform)
    asked = request(texts.az)
    assert (asked["method"], asked["body"]) == ("put", {"properties": {"privateDnsZoneConfigs": wanted}})
    assert update.body["body"] == {"properties": {"privateDnsZoneConfigs": wanted}}
    declared = bicep(texts.bicep)
    assert declared["endpoint"].existing
    assert declared["endpoint"].config == {"name": "pe-contoso"}
    assert declared["group"].config["properties"] == {"privateDnsZoneConfigs": wanted}


def test_two_zones_of_one_name_are_two_entries_of_a_group() -> None:
    group = replace(GROUP, zones=(DNS_ZONE, OTHER_ZONE))

    configs = bicep(snippets(RefreshZoneGroup(group)).bicep)["group"].config["properties"]["privateDnsZoneConfigs"]

    assert [config["properties"]["privateDnsZoneId"] for config in configs] == [DNS_ZONE.text, OTHER_ZONE.text]
    assert len({config["name"] for config in configs}) == 2


def test_a_new_zone_group_is_declared_below_its_endpoint() -> None:
    texts = of_verb("create-zone-group")

    (resource,) = terraform(texts.terraform)
    declared = bicep(texts.bicep)["group"].config
    assert resource.labels == ("azapi_resource", "kvguard")
    assert resource.body["parent_id"] == PE.text
    assert resource.body["body"] == {"properties": declared["properties"]}
    assert (declared["parent"], declared["name"]) == ("endpoint", "default")


@pytest.mark.parametrize("after", [PublicAccess.ENABLED, PublicAccess.DISABLED])
def test_public_access_is_one_property(after: PublicAccess) -> None:
    texts = snippets(SetPublicAccess(KEY_VAULT, PublicAccess.SECURED_BY_PERIMETER, after))

    assert argvs(texts.az) == [["az", "keyvault", "update", *THE_VAULT, f"--public-network-access={after.value}"]]
    (update,) = terraform(texts.terraform)
    assert update.body["body"] == {"properties": {"publicNetworkAccess": after.value}}
    assert bicep(texts.bicep)["vault"].config == {
        "name": "contoso",
        "properties": {"publicNetworkAccess": after.value},
    }


def test_az_has_no_word_for_a_perimeter_so_the_property_is_patched() -> None:
    change = SetPublicAccess(KEY_VAULT, PublicAccess.ENABLED, PublicAccess.SECURED_BY_PERIMETER)

    assert request(snippets(change).az) == {
        "method": "patch",
        "url": f"{KEY_VAULT}?api-version={arm_api.VAULTS_API}",
        "body": {"properties": {"publicNetworkAccess": "SecuredByPerimeter"}},
    }


FIREWALLS: list[tuple[str, NetworkAcl, list[str], dict[str, object]]] = [
    ("action", CLOSED, ["update", *THE_VAULT, "--default-action=Deny"], {"defaultAction": "Deny"}),
    ("bypass", replace(OPEN, bypass="None"), ["update", *THE_VAULT, "--bypass=None"], {"bypass": "None"}),
    (
        "range gone",
        replace(OPEN, ip_rules=()),
        ["network-rule", "remove", *THE_VAULT, "--ip-address=203.0.113.0/24"],
        {"ipRules": []},
    ),
    (
        "range added",
        replace(OPEN, ip_rules=("203.0.113.0/24", "198.51.100.7")),
        ["network-rule", "add", *THE_VAULT, "--ip-address=198.51.100.7"],
        {"ipRules": [{"value": "203.0.113.0/24"}, {"value": "198.51.100.7"}]},
    ),
    (
        "subnet added",
        replace(OPEN, network_rules=(SUBNET,)),
        ["network-rule", "add", *THE_VAULT, f"--subnet={SUBNET}"],
        {"virtualNetworkRules": [{"id": SUBNET.text}]},
    ),
]


@pytest.mark.parametrize(
    ("after", "words", "members"), [row[1:] for row in FIREWALLS], ids=[row[0] for row in FIREWALLS]
)
def test_one_member_of_a_firewall_changes_alone(
    after: NetworkAcl, words: list[str], members: dict[str, object]
) -> None:
    texts = snippets(SetNetworkAcl(KEY_VAULT, OPEN, after))

    (update,) = terraform(texts.terraform)
    assert argvs(texts.az) == [["az", "keyvault", *words]]
    assert update.body["body"] == {"properties": {"networkAcls": members}}
    assert bicep(texts.bicep)["vault"].config["properties"] == {
        "networkAcls": {
            "defaultAction": after.default_action.value,
            "bypass": after.bypass,
            "ipRules": [{"value": rule} for rule in after.ip_rules],
            "virtualNetworkRules": [{"id": rule.text} for rule in after.network_rules],
        }
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, CLOSED),
        (OPEN, replace(CLOSED, ip_rules=())),
        (OPEN, replace(OPEN, ip_rules=("198.51.100.7",))),
        (OPEN, replace(OPEN, ip_rules=(*OPEN.ip_rules, "--yes"))),
        (OPEN, replace(OPEN, bypass="Everybody")),
    ],
)
def test_more_than_one_member_is_one_request_with_the_whole_firewall(
    before: NetworkAcl | None, after: NetworkAcl
) -> None:
    assert request(snippets(SetNetworkAcl(KEY_VAULT, before, after)).az) == {
        "method": "patch",
        "url": f"{KEY_VAULT}?api-version={arm_api.VAULTS_API}",
        "body": {
            "properties": {
                "networkAcls": {
                    "defaultAction": after.default_action.value,
                    "bypass": after.bypass,
                    "ipRules": [{"value": rule} for rule in after.ip_rules],
                    "virtualNetworkRules": [],
                }
            }
        },
    }


@pytest.mark.parametrize(
    "change",
    [
        SetPublicAccess(KEY_VAULT, PublicAccess.DISABLED, PublicAccess.UNKNOWN),
        SetNetworkAcl(KEY_VAULT, OPEN, replace(OPEN, default_action=DefaultAction.UNKNOWN)),
        CreateLink(DNS_ZONE, HUB, ResolutionPolicy.UNKNOWN),
    ],
)
def test_a_value_that_is_not_known_is_never_written(change: Change) -> None:
    texts = snippets(change)

    for text, comment in ((texts.az, "# "), (texts.bicep, "// "), (texts.terraform, "# ")):
        assert text.startswith(comment)
        assert "not known" in text
        assert "\n" not in text


NOT_DECLARED = {
    "delete-record",
    "delete-link",
    "delete-zone",
    "delete-zone-group",
    "delete-endpoint",
    "delete-connection",
    "approve-connection",
    "reject-connection",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.verb)
def test_what_cannot_be_declared_has_one_sentence_and_no_resource(change: Change) -> None:
    texts = snippets(change)

    assert (bicep(texts.bicep) == {}) == (change.verb in NOT_DECLARED)
    assert (terraform(texts.terraform) == []) == (change.verb in {*NOT_DECLARED, "refresh-zone-group"})
    for text, comment in ((texts.bicep, "// "), (texts.terraform, "# ")):
        if change.verb in NOT_DECLARED:
            assert text.startswith(comment)
            assert "\n" not in text


def test_every_verb_there_is_was_read_back() -> None:
    assert {type(change) for change in CHANGES} == set(get_args(Change))
    assert {change.verb for change in CHANGES} >= {*AZ, *NOT_DECLARED}


def test_a_firewall_of_a_thousand_ranges_is_shown_whole() -> None:
    rules = tuple(f"203.0.{number // 250}.{number % 250 + 1}/32" for number in range(1000))
    texts = snippets(SetNetworkAcl(KEY_VAULT, None, replace(CLOSED, ip_rules=rules)))
    wanted = [{"value": rule} for rule in rules]

    (update,) = terraform(texts.terraform)
    body = request(texts.az)["body"]
    assert isinstance(body, dict)
    assert body["properties"]["networkAcls"]["ipRules"] == wanted
    assert bicep(texts.bicep)["vault"].config["properties"]["networkAcls"]["ipRules"] == wanted
    assert update.body["body"]["properties"]["networkAcls"]["ipRules"] == wanted


def test_a_text_that_is_too_long_is_not_shown_in_part() -> None:
    rules = tuple(HUB.child("subnets", f"{'s' * 200}{number}") for number in range(1000))
    texts = snippets(SetNetworkAcl(KEY_VAULT, None, replace(CLOSED, network_rules=rules)))

    for text in (texts.az, texts.bicep, texts.terraform):
        assert len(text) < 200 < MOST_CHARACTERS
        assert "\n" not in text
        assert "too long" in text
