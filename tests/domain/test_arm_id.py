"""Ids of resources: parsed by Azure's grammar, compared without case."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.arm_id import (
    NETWORK,
    VAULT,
    ArmId,
    InvalidArmId,
    is_resource_group,
    is_subscription,
    is_vault_name,
)
from tests.builders import SUBSCRIPTION, connection_id, record_id, vault_id, zone_id

TEXT = vault_id().text


@pytest.mark.parametrize("text", [TEXT, connection_id().text, record_id().text, zone_id().text])
def test_any_casing_is_the_same_id(text: str) -> None:
    one = ArmId.parse(text)
    for other in (ArmId.parse(text.upper()), ArmId.parse(text.lower()), ArmId.parse(text.swapcase())):
        assert one == other
        assert hash(one) == hash(other)
        assert not one < other
        assert other.is_a(one.type)
        assert {one: "value"}[other] == "value"


def test_the_text_keeps_the_casing_it_was_read_in() -> None:
    assert ArmId.parse(TEXT.upper()).text == TEXT.upper()
    assert str(ArmId.parse(TEXT)) == TEXT


def test_the_parts_of_an_id() -> None:
    identity = connection_id("c-1")
    assert (identity.subscription, identity.resource_group) == (SUBSCRIPTION, "rg-app")
    assert identity.type == "Microsoft.KeyVault/vaults/privateEndpointConnections"
    assert (identity.names, identity.name) == (("contoso", "c-1"), "c-1")
    assert identity.parent == vault_id()


def test_a_child_and_its_parent() -> None:
    assert zone_id().child("A", "contoso") == record_id()
    assert record_id().parent == zone_id()
    with pytest.raises(InvalidArmId):
        _ = vault_id().parent


def test_an_id_is_unequal_to_its_text() -> None:
    assert vault_id() != TEXT
    assert vault_id() != vault_id("fabrikam")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "contoso",
        f"/subscriptions/{SUBSCRIPTION}",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg",
        TEXT.replace("/subscriptions/", "/tenants/"),
        TEXT.replace(SUBSCRIPTION, "not-a-guid"),
        TEXT.replace("rg-app", "rg-app."),
        TEXT.replace("rg-app", "rg app"),
        TEXT + "/secrets",
        TEXT.replace("contoso", ""),
        TEXT.replace("contoso", "con?toso"),
        TEXT.replace("contoso", "con#toso"),
        TEXT.replace("contoso", "con%2ftoso"),
        TEXT.replace("contoso", "con\ntoso"),
        TEXT.replace("contoso", "<script>"),
        TEXT.removeprefix("/"),
        "x" * 3000,
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidArmId):
        ArmId.parse(text)


@settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        identity = ArmId.parse(text)
    except InvalidArmId:
        return
    assert ArmId.parse(identity.text) == identity


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (f"/subscriptions/{SUBSCRIPTION}", True),
        (f"/SUBSCRIPTIONS/{SUBSCRIPTION}/", True),
        (f"/subscriptions/{SUBSCRIPTION}/resourcegroups/RG-APP", True),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ap", False),
        (TEXT, True),
        (TEXT[:-1], False),
        (connection_id().text, False),
    ],
)
def test_whether_a_resource_lies_in_a_scope(scope: str, inside: bool) -> None:
    assert vault_id().within(scope) is inside


def test_as_many_names_as_types_are_needed() -> None:
    assert ArmId.of(SUBSCRIPTION, "rg", VAULT, "contoso").name == "contoso"
    with pytest.raises(InvalidArmId):
        ArmId.of(SUBSCRIPTION, "rg", NETWORK, "vnet-1", "subnet")


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("abc", True), ("a-b", True), ("A1b2", True), ("a" * 24, True), ("ab", False), ("a" * 25, False),
        ("1bc", False), ("ab-", False), ("a--b", False), ("a_b", False), ("a.b", False), ("abc\n", False), ("", False),
    ],
)  # fmt: skip
def test_names_of_vaults(name: str, valid: bool) -> None:
    assert is_vault_name(name) is valid


@pytest.mark.parametrize(
    ("name", "valid"), [("rg", True), ("r.g", True), ("rg(1)", True), ("rg.", False), ("", False), ("a" * 91, False)]
)
def test_names_of_resource_groups(name: str, valid: bool) -> None:
    assert is_resource_group(name) is valid


def test_ids_of_subscriptions() -> None:
    assert is_subscription(SUBSCRIPTION)
    assert is_subscription(SUBSCRIPTION.upper())
    assert not is_subscription(SUBSCRIPTION + "\n")
    assert not is_subscription(SUBSCRIPTION[:-1])
