"""What other tools would say: the recorded table, the logic of each check, and why ours differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.grades import Mode, Profile, TrustedServices
from shared.domain.peers import CHECKS, Basis, Check, Concern, Ours, PeerRow, State, Verdict
from shared.domain.vault import ConnectionStatus, NetworkAcl, PerimeterMode, PublicAccess
from shared.engine.peers import peer_verdicts, state_of, verdict
from shared.rules.registry import RULES
from tests.builders import FORBIDDEN, Given
from tests.rules.given_exposure import OFF, OFFICE, ON, SECURED, STRANGE, allow, alone, deny, door, odd, subnet_id
from tests.rules.test_eight_states import EIGHT

TABLED = [check for check in CHECKS if check.cells]
UNTABLED = {"trustedServicesEnabled", "CKV2_AZURE_32"}
# No cell is wrong here: the check means less than its name says, and the vault's profile asks for more.
ANOTHER_QUESTION = {("CKV_AZURE_189", State.ALLOW_LIST)}


def _check(rule: str) -> Check:
    return next(check for check in CHECKS if check.rule == rule)


def _rows(given: Given) -> dict[str, PeerRow]:
    return {row.check.rule: row for row in peer_verdicts(given.snapshot.vault, given.assess())}


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
@pytest.mark.parametrize("check", TABLED, ids=lambda check: check.rule)
def test_the_logic_of_a_check_gives_the_recorded_cell(check: Check, state: State) -> None:
    assert verdict(check, EIGHT[state].snapshot.vault) is check.recorded(state)


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_a_vault_is_known_by_its_state_only_when_it_fits_exactly(state: State) -> None:
    given = EIGHT[state]
    assert state_of(given.snapshot.vault) is state
    assert state_of(given.vault(public_access=SECURED).snapshot.vault) is None
    acl = given.snapshot.vault.acl or allow()
    assert state_of(given.vault(acl=replace(acl, network_rules=(subnet_id(),))).snapshot.vault) is None
    assert state_of(given.connection("c-9", ConnectionStatus.PENDING).snapshot.vault) is None


def test_the_internet_as_an_allow_list_is_no_state_of_the_table() -> None:
    given = alone(ON, deny("0.0.0.0/0"))
    assert state_of(given.snapshot.vault) is None
    assert _rows(given)["keyVaultPublicAccess"].says is Verdict.FAILS
    assert _rows(given)["CKV_AZURE_109"].says is Verdict.PASSES
    assert "KVG104" in _rows(given)["CKV_AZURE_109"].found


def test_every_wrong_cell_and_no_other_differs_from_ours() -> None:
    differs = {
        (rule, state) for state, given in EIGHT.items() for rule, row in _rows(given).items() if row.agrees is False
    }
    wrong = {(check.rule, state) for check in CHECKS for state in check.wrong}
    assert differs == wrong | ANOTHER_QUESTION


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_each_row_says_where_it_is_from_and_each_difference_why(state: State) -> None:
    rows = _rows(EIGHT[state])
    assert set(rows) == {check.rule for check in CHECKS}
    for row in rows.values():
        assert row.check.source
        assert row.check.read
        assert row.basis is row.check.basis
        assert row.wrong is (state in row.check.wrong)
        assert row.state is state
        assert bool(row.why) is (row.agrees is not True)
        assert row.agrees is not False or row.check.looks_at in row.why


def test_which_checks_are_right_in_all_eight_states() -> None:
    right = {check.rule for check in TABLED if not check.wrong and check.peer != "Azure Policy"}
    assert right == {"keyVaultPublicAccess", "keyvault_access_only_through_private_endpoints"}
    assert {check.peer for check in TABLED if check.wrong} == {
        "Prowler",
        "ScoutSuite",
        "Steampipe",
        "CloudSploit",
        "Checkov",
        "Trivy",
        "PSRule",
    }


def test_what_was_not_established_stays_unknown() -> None:
    assert {check.rule for check in CHECKS if not check.cells} == UNTABLED
    for given in EIGHT.values():
        row = _rows(given)["CKV2_AZURE_32"]
        assert (row.says, row.agrees) == (Verdict.UNKNOWN, None)
        assert "a running vault does not show" in row.why
    assert _check("Azure.KeyVault.Firewall").basis is Basis.PAGE


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule)
def test_a_value_that_nobody_knows_gives_no_verdict_where_the_check_looks_at_it(check: Check) -> None:
    reads_access = {_check(rule).rule for rule in ACCESS}
    reads_action = {_check(rule).rule for rule in ACTION}
    strange = verdict(check, door(STRANGE, deny(OFFICE)).snapshot.vault)
    assert (strange is Verdict.UNKNOWN) is (check.rule in reads_access or check.rule == "CKV2_AZURE_32")
    unknown = verdict(check, door(ON, odd(OFFICE)).snapshot.vault)
    assert (unknown is Verdict.UNKNOWN) is (check.rule in reads_action or check.rule == "CKV2_AZURE_32")


ACCESS = (
    "55615ac9-af46-4a59-874e-391cc3dfb490",
    "405c5871-3e91-4644-8a63-58e19d68ff5b",
    "keyvault_access_only_through_private_endpoints",
    "keyVaultPublicAccess",
    "CKV_AZURE_189",
)
ACTION = (
    "55615ac9-af46-4a59-874e-391cc3dfb490",
    "keyvault-public-traffic-allowed",
    "keyvault_vault_public_network_access_disabled",
    "keyvault_vault_private_link_used",
    "keyVaultPublicAccess",
    "restrictDefaultNetworkAccess",
    "CKV_AZURE_109",
    "AZU-0013",
    "Azure.KeyVault.Firewall",
)


@pytest.mark.parametrize(
    ("rule", "access", "acl", "says"),
    [
        ("405c5871-3e91-4644-8a63-58e19d68ff5b", SECURED, None, Verdict.FAILS),
        ("55615ac9-af46-4a59-874e-391cc3dfb490", SECURED, None, Verdict.FAILS),
        ("55615ac9-af46-4a59-874e-391cc3dfb490", SECURED, deny(), Verdict.PASSES),
        ("CKV_AZURE_189", SECURED, deny(OFFICE), Verdict.UNKNOWN),
        ("keyvault_vault_private_link_used", ON, deny(), Verdict.PASSES),
        ("keyVaultPublicAccess", OFF, odd(), Verdict.PASSES),
        ("trustedServicesEnabled", OFF, None, Verdict.PASSES),
        ("trustedServicesEnabled", OFF, deny(bypass="None"), Verdict.FAILS),
        ("trustedServicesEnabled", OFF, deny(bypass="Logging"), Verdict.UNKNOWN),
    ],
)
def test_outside_the_table_each_check_follows_its_own_logic(
    rule: str, access: PublicAccess, acl: NetworkAcl | None, says: Verdict
) -> None:
    assert verdict(_check(rule), door(access, acl).snapshot.vault) is says


@pytest.mark.parametrize("mode", list(PerimeterMode))
def test_no_tool_looks_at_the_perimeter(mode: PerimeterMode) -> None:
    given = EIGHT[State.OPEN_WITHOUT_ACL]
    before, after = _rows(given), _rows(given.vault(perimeters=(mode,)))
    assert {rule: row.says for rule, row in before.items()} == {rule: row.says for rule, row in after.items()}


def test_an_enforced_perimeter_makes_ours_differ_and_says_so() -> None:
    row = _rows(EIGHT[State.OPEN_WITHOUT_ACL].vault(perimeters=(PerimeterMode.ENFORCED,)))["CKV_AZURE_109"]
    assert (row.says, row.ours, row.agrees) == (Verdict.FAILS, Ours.CLEAN, False)
    assert "perimeter" in row.why


def test_what_we_did_not_evaluate_is_no_agreement() -> None:
    rows = _rows(EIGHT[State.EMPTY_RULES].vault(perimeters=FORBIDDEN))
    row = rows["a6abeaec-4d90-4a02-805f-6b26c4d3fbe9"]
    assert (row.ours, row.found) == (Ours.FINDS, ("KVG204",))
    unread = _rows(EIGHT[State.ONLY_REJECTED].profile(Profile.SAAS_PIPELINE).vault(perimeters=FORBIDDEN))
    row = unread["a6abeaec-4d90-4a02-805f-6b26c4d3fbe9"]
    assert (row.ours, row.agrees) == (Ours.NOT_EVALUATED, None)
    assert f"KVG102 is not evaluated: {FORBIDDEN}" in row.why


def test_a_rule_that_policy_switches_off_is_no_agreement() -> None:
    row = _rows(EIGHT[State.PRIVATE_WITHOUT_ACL].mode("KVG101", Mode.OFF))["55615ac9-af46-4a59-874e-391cc3dfb490"]
    assert (row.ours, row.agrees) == (Ours.OFF, None)
    assert "KVG101 switched off" in row.why


def test_the_bypass_is_judged_by_policy_and_not_by_taste() -> None:
    given = door(OFF, deny(bypass="None"))
    row = _rows(given)["trustedServicesEnabled"]
    assert (row.says, row.ours, row.agrees) == (Verdict.FAILS, Ours.CLEAN, False)
    assert "policy does not ask for another bypass" in row.why
    required = _rows(given.policy_with(trusted_services=TrustedServices.REQUIRE))["trustedServicesEnabled"]
    assert (required.found, required.agrees) == (("KVG105",), True)


def test_each_concern_names_rules_that_exist() -> None:
    known = {rule.id for rule in RULES}
    assert all(concern.value <= known for concern in Concern)
    assert len({(check.peer, check.rule) for check in CHECKS}) == len({check.rule for check in CHECKS}) == len(CHECKS)
