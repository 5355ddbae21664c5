"""The last gate: role assignments and access policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.access import Caller, CallerKind, Gate, Verdict
from shared.domain.vault import AccessPolicy, RoleAssignment, Vault, VaultSettings
from shared.engine.access import explain
from shared.engine.permissions import is_operation, operations
from tests.builders import FORBIDDEN, healthy, network_id, vault_id

ME, TEAM = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
GET_SECRET = "microsoft.keyvault/vaults/secrets/getsecret/action"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def role(
    principal: str = ME, *actions: str, without: tuple[str, ...] = (), conditional: bool = False
) -> RoleAssignment:
    allowed = frozenset(actions or (GET_SECRET,))
    return RoleAssignment(
        principal, "Key Vault Secrets User", vault_id().text, allowed, frozenset(without), conditional
    )


def by_roles(*roles: RoleAssignment, operation: str = "secrets/get") -> Gate:
    given = healthy().vault(roles=roles)
    return _gate(given.snapshot.vault, operation)


def by_policies(*entries: AccessPolicy, operation: str = "secrets/get") -> Gate:
    given = healthy().vault(settings=VaultSettings(rbac=False, access_policies=entries))
    return _gate(given.snapshot.vault, operation)


def _gate(vault: Vault, operation: str) -> Gate:
    caller = Caller(CallerKind.NETWORK, network=network_id(), principal=ME.upper(), operation=operation)
    found = explain(replace(healthy().snapshot, vault=vault), caller)
    return found.gates[-1]


def test_a_role_of_the_principal_itself_passes_in_any_casing() -> None:
    assert by_roles(role()).verdict is PASS
    assert by_roles(role(ME, "microsoft.keyvault/vaults/secrets/*")).verdict is PASS
    assert by_roles(role(ME, "*")).verdict is PASS


def test_no_role_fails_and_says_the_error() -> None:
    gate = by_roles()
    assert (gate.verdict, gate.error) == (FAIL, "403 Forbidden (ForbiddenByRbac)")
    assert by_roles(role(ME, "microsoft.keyvault/vaults/keys/*")).verdict is FAIL
    assert by_roles(role(), operation="keys/sign").verdict is FAIL


def test_what_a_role_takes_out_is_not_allowed() -> None:
    assert by_roles(role(ME, "*", without=(GET_SECRET,))).verdict is FAIL
    assert by_roles(role(ME, "*", without=("microsoft.keyvault/vaults/secrets/*",))).verdict is FAIL


def test_a_role_of_somebody_else_may_be_that_of_a_group() -> None:
    gate = by_roles(role(TEAM))
    assert gate.verdict is UNKNOWN
    assert TEAM in gate.reason


def test_a_condition_is_not_judged() -> None:
    assert by_roles(role(conditional=True)).verdict is UNKNOWN
    assert by_roles(role(conditional=True), role()).verdict is PASS


def test_roles_that_are_not_read_are_not_known() -> None:
    assert _gate(healthy().vault(roles=FORBIDDEN).snapshot.vault, "secrets/get").verdict is UNKNOWN


def test_access_policies_give_a_verb_or_all() -> None:
    assert by_policies(AccessPolicy(ME, "t", secrets=frozenset({"get"}))).verdict is PASS
    assert by_policies(AccessPolicy(ME, "t", secrets=frozenset({"all"}))).verdict is PASS
    assert by_policies(AccessPolicy(ME, "t", keys=frozenset({"get"}))).verdict is FAIL
    gate = by_policies()
    assert (gate.verdict, gate.error) == (FAIL, "403 Forbidden (AccessDenied)")


def test_access_policies_of_others_and_through_applications_are_not_known() -> None:
    assert by_policies(AccessPolicy(TEAM, "t", secrets=frozenset({"get"}))).verdict is UNKNOWN
    through = AccessPolicy(ME, "t", secrets=frozenset({"get"}), application=TEAM)
    gate = by_policies(through)
    assert gate.verdict is UNKNOWN
    assert TEAM in gate.reason


def test_without_principal_and_operation_permission_is_taken_for_granted() -> None:
    found = explain(healthy().snapshot, Caller(CallerKind.NETWORK, network=network_id()))
    assert found.gates[-1].verdict is Verdict.ASSUMED


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ("secrets/get", "Key Vault Secrets User"),
        ("secrets/set", "Key Vault Secrets Officer"),
        ("keys/sign", "Key Vault Crypto User"),
        ("keys/create", "Key Vault Crypto Officer"),
        ("certificates/get", "Key Vault Reader"),
    ],
)
def test_the_smallest_grant_is_the_narrowest_role(operation: str, wanted: str) -> None:
    caller = Caller(CallerKind.NETWORK, network=network_id(), principal=ME, operation=operation)
    (admission,) = explain(healthy().vault(roles=()).snapshot, caller).admissions
    assert wanted in admission.what
    assert ME in admission.what


def test_every_operation_is_one() -> None:
    assert all(is_operation(operation.upper()) for operation in operations())
    assert not any(is_operation(text) for text in ("", "secrets", "secrets/", "secrets/sign", "vaults/get"))
