"""Every switch does what it says at each of its values: a table, complete by comparison."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.events import EventKind
from emulator.arm.switches import Switches
from emulator.azure import LocalAzure
from tests.emulator.arm import looks
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    LINK,
    NETWORK,
    RECORD,
    SUBNET,
    VAULT,
    ZONE,
    ZONE_GROUP,
    network_body,
)
from tests.emulator.arm.inprocess import Local

_DEFAULT_ACLS = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
_OWN = {
    ("networkInterfaces", EventKind.WRITE),
    ("networkInterfaces", EventKind.DELETE),
    ("privateEndpointConnections", EventKind.WRITE),
    ("A", EventKind.WRITE),
    ("A", EventKind.DELETE),
    ("virtualNetworkLinks", EventKind.WRITE),
}
_DELETED = [EventKind.DELETE]
_DELAYED = {0.0: (True, True), 10.0: (False, False)}
_RECORD_WRITE = "Microsoft.Network/privateDnsZones/A/write"

# Switch -> the look at Azure, and what it must see at each value.
CASES: dict[str, tuple[looks.Look, dict[Any, Any]]] = {
    "dns_etags": (looks.dns_etags, {"bare": {False}, "quoted": {True}}),
    "link_etags": (looks.link_etags, {"bare": False, "quoted": True}),
    "nested_connection_etag": (looks.nested_connection_etag, {True: (True, True), False: (False, True)}),
    "connection_etag_after_decision": (
        looks.connection_etag_after_decision,
        {True: (False, True), False: (False, False)},
    ),
    "custom_dns_configs_emptied_by_zone_group": (looks.custom_dns_configs, {True: 0, False: 1}),
    "unset_network_acls": (
        looks.unset_network_acls,
        {"absent": looks.MISSING, "null": None, "empty": {}, "filled": _DEFAULT_ACLS},
    ),
    "unset_network_rules": (
        looks.unset_network_rules,
        {"empty": ([], []), "null": (None, None), "absent": (looks.MISSING, looks.MISSING)},
    ),
    "unset_vault_connections": (looks.unset_vault_connections, {"absent": looks.MISSING, "null": None, "empty": []}),
    "unset_rbac_authorization": (
        looks.unset_rbac_authorization,
        {"filled": False, "null": None, "absent": looks.MISSING},
    ),
    "unset_description": (
        looks.unset_description,
        {"absent": (looks.MISSING, looks.MISSING), "null": (None, None), "empty": ("", "")},
    ),
    "unset_metadata": (looks.unset_metadata, {"absent": looks.MISSING, "null": None, "empty": {}}),
    "unset_tags": (
        looks.unset_tags,
        {"empty": ({}, {}, {}), "null": (None, None, None), "absent": (looks.MISSING, looks.MISSING, looks.MISSING)},
    ),
    "unset_custom_dns_configs": (looks.unset_custom_dns_configs, {"empty": [], "null": None, "absent": looks.MISSING}),
    "unset_record_sets": (looks.unset_record_sets, {"empty": [], "null": None, "absent": looks.MISSING}),
    "unset_resolution_policy": (
        looks.unset_resolution_policy,
        {"filled": "Default", "null": None, "absent": looks.MISSING},
    ),
    "last_next_link": (
        looks.last_next_link,
        {
            "recorded": (None, looks.MISSING),
            "absent": (looks.MISSING, looks.MISSING),
            "null": (None, None),
            "empty": ("", ""),
        },
    ),
    "public_network_access_casing": (
        looks.public_network_access,
        {"kept": "Disabled", "lower": "disabled", "upper": "DISABLED"},
    ),
    "rule_id_casing": (looks.rule_ids, {"kept": SUBNET, "lower": SUBNET.lower(), "upper": SUBNET.upper()}),
    "subnet_member_casing": (looks.subnet_members, {"upper": (True, True), "kept": (False, True)}),
    "endpoint_reference_casing": (looks.endpoint_references, {"upper": (True, True), "kept": (False, True)}),
    "connection_reference_casing": (looks.connection_references, {"upper": (True, True), "kept": (False, True)}),
    "link_reference_casing": (
        looks.link_references,
        {"kept": NETWORK, "lower": NETWORK.lower(), "upper": NETWORK.upper()},
    ),
    "interface_link_properties": (looks.interface_link_properties, {True: True, False: False}),
    "vault_member_name": (looks.vault_member_name, {"default": "default", "vault": "vault"}),
    "key_vault_dns_suffix": (
        looks.key_vault_dns_suffix,
        {"vault.azure.net": "https://kv-orders.vault.azure.net/", "kv.test": "https://kv-orders.kv.test/"},
    ),
    "strict_etag": (looks.strict_etag, {False: (200, 200), True: (200, 412)}),
    "body_etag_enforced": (looks.body_etag_enforced, {False: (200, 200), True: (412, 200)}),
    "omitted_network_acls": (
        looks.omitted_network_acls,
        {"reset": ("AzureServices", 0, False), "kept": ("None", 1, True)},
    ),
    "connection_delete_answer": (
        looks.connection_delete_answer,
        {
            202: (202, True, False, 202, _DELETED * 2),
            200: (200, False, True, 404, _DELETED),
            204: (204, False, True, 204, _DELETED),
        },
    ),
    "connection_removed_with_endpoint": (looks.connection_removed_with_endpoint, {False: ["Disconnected"], True: []}),
    "lost_connection_state": (looks.lost_connection_state, {"Disconnected": "Disconnected", "Succeeded": "Succeeded"}),
    "zone_group_withdraws_any_address": (looks.zone_group_withdraws, {False: 200, True: 404}),
    "link_needs_network_join": (looks.link_needs_network_join, {True: 403, False: 202}),
    "network_conflicts": (looks.network_conflicts, {True: 429, False: 201}),
    "operation_seconds_factor": (
        looks.operation_seconds,
        {1.0: ("Completed", "Completed"), 2.5: ("InProgress", "Completed"), 3.0: ("InProgress", "InProgress")},
    ),
    "vault_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.tags, lambda local: local.get(VAULT)["tags"])),
        _DELAYED,
    ),
    "connection_lag": (looks.prepared(looks.everything, looks.lagging(looks.reject, looks.nested_status)), _DELAYED),
    "endpoint_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.deleted(ENDPOINT, 13), looks.status_of(ENDPOINT))),
        _DELAYED,
    ),
    "interface_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.deleted(ENDPOINT, 13), looks.interfaces)),
        _DELAYED,
    ),
    "zone_group_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.deleted(ZONE_GROUP, 12), looks.status_of(ZONE_GROUP))),
        _DELAYED,
    ),
    "zone_lag": (
        looks.prepared(
            lambda local: local.estate.zone(),
            looks.lagging(looks.tag_zone, lambda local: local.get(ZONE)["tags"]),
        ),
        _DELAYED,
    ),
    "record_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.deleted(RECORD, 0), looks.status_of(RECORD))),
        _DELAYED,
    ),
    "link_lag": (
        looks.prepared(looks.everything, looks.lagging(looks.deleted(LINK, 30), looks.status_of(LINK))),
        _DELAYED,
    ),
    "network_lag": (
        looks.prepared(
            lambda local: local.estate.network(),
            looks.lagging(looks.add_subnet, lambda local: len(local.get(NETWORK)["properties"]["subnets"])),
        ),
        _DELAYED,
    ),
    "events_at_start": (looks.events_at_start, {False: 0, True: 1}),
    "own_write_events": (looks.own_write_events, {False: set(), True: _OWN}),
    "deployment_events": (
        looks.deployment_events,
        {False: [_RECORD_WRITE], True: ["Microsoft.Resources/deployments/write", _RECORD_WRITE]},
    ),
    "operation_name_casing": (
        looks.operation_name,
        {"kept": _RECORD_WRITE, "upper": _RECORD_WRITE.upper(), "lower": _RECORD_WRITE.lower()},
    ),
    "throttling": (looks.throttling, {True: (250, 2), False: (252, 0)}),
    "throttle_code": (
        looks.throttle_code,
        {"SubscriptionRequestsThrottled": "SubscriptionRequestsThrottled", "TooManyRequests": "TooManyRequests"},
    ),
    "empty_last_page": (looks.empty_last_page, {False: False, True: True}),
    "page_size": (looks.page_size, {1000: 2, 1: 1}),
    "record_page_size": (looks.record_page_size, {100: 2, 1: 1}),
}


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [(name, value, seen) for name, (_, expected) in CASES.items() for value, seen in expected.items()],
)
def test_a_switch_makes_its_difference(name: str, value: Any, seen: Any) -> None:
    local = Local()
    local.switches.set(name, value)
    look, _ = CASES[name]
    assert look(local) == seen


def test_every_switch_is_looked_at_with_its_default_and_all_its_choices() -> None:
    switches = {switch["name"]: switch for switch in Switches().listing()}
    assert set(CASES) == set(switches)
    for name, (_, expected) in CASES.items():
        assert switches[name]["default"] in expected, name
        assert len(expected) > 1, name
        if switches[name]["choices"] is not None:
            assert set(expected) == set(switches[name]["choices"]), name
        assert switches[name]["about"], name


def test_no_two_values_of_a_switch_look_alike() -> None:
    for name, (_, expected) in CASES.items():
        seen = list(expected.values())
        assert all(seen.count(one) == 1 for one in seen), name


def test_strict_etags_that_are_shown_quoted_want_their_quotes() -> None:
    local = Local()
    local.switches.set("dns_etags", "quoted")
    local.switches.set("strict_etag", True)
    assert looks.strict_etag(local) == (412, 200)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_such_switch", True),
        ("strict_etag", "true"),
        ("strict_etag", 1),
        ("page_size", True),
        ("page_size", -1),
        ("record_lag", "15"),
        ("record_lag", -1.0),
        ("unset_metadata", "filled"),
        ("unset_metadata", "sometimes"),
        ("connection_delete_answer", 404),
        ("key_vault_dns_suffix", 3),
    ],
)
def test_what_a_switch_does_not_take_is_refused(name: str, value: object) -> None:
    switches = Switches()
    with pytest.raises(ValueError, match="switch"):
        switches.set(name, value)
    assert switches == Switches()


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("strict_etag=true", "strict_etag", True),
        ("record_lag=2.5", "record_lag", 2.5),
        ("page_size=7", "page_size", 7),
        ("connection_delete_answer=204", "connection_delete_answer", 204),
        ("unset_metadata=null", "unset_metadata", "null"),
        ("key_vault_dns_suffix=kv.test", "key_vault_dns_suffix", "kv.test"),
    ],
)
def test_a_command_line_sets_switches_by_text(assignment: str, name: str, value: object) -> None:
    switches = Switches()
    switches.set_text(assignment)
    [shown] = [switch["value"] for switch in switches.listing() if switch["name"] == name]
    assert shown == value


@pytest.mark.parametrize("assignment", ["strict_etag", "strict_etag=1", "page_size=x", "nothing=true"])
def test_text_without_sense_is_refused(assignment: str) -> None:
    with pytest.raises(ValueError, match=r"switch|invalid literal"):
        Switches().set_text(assignment)


def test_another_process_lists_and_sets_switches(azure: LocalAzure, arm: ArmClient) -> None:
    listed = arm.control("GET", "/_emulator/switches").json()["switches"]
    assert [switch["name"] for switch in listed] == [switch["name"] for switch in Switches().listing()]
    assert arm.control("POST", "/_emulator/switches", {"unset_metadata": "null"}).status_code == 200
    assert azure.switches.unset_metadata == "null"
    assert arm.control("POST", "/_emulator/switches", {"unset_metadata": "filled"}).status_code == 400


def test_a_network_body_is_not_changed_by_switches_of_vaults() -> None:
    local = Local()
    local.estate.group()
    local.switches.set("unset_tags", "null")
    assert "tags" not in local.put(NETWORK, network_body()).body
