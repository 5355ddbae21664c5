"""KVG204: only a connection that is Approved and Succeeded is a way in."""

from __future__ import annotations

import shlex

import pytest

from shared.domain.grades import Applicability, Mode, Profile
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg204_no_effective_connection import RULE
from tests.builders import healthy, vault_id

NEED = {Profile.PRIVATE, Profile.HYBRID, Profile.SELF_HOSTED_PIPELINE, Profile.PARTNER}


def test_an_effective_connection_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(healthy().connection(state="succeeded").case())) == []


def test_a_vault_without_connections_is_found() -> None:
    violation = healthy().no_connections().only(RULE)
    assert violation.subject == vault_id()
    assert violation.facts["connections"] == []


@pytest.mark.parametrize(
    ("status", "state"),
    [(status, "Succeeded") for status in ConnectionStatus if status is not ConnectionStatus.APPROVED]
    + [(ConnectionStatus.APPROVED, state) for state in ("Failed", "Updating", "")],
)
def test_any_other_state_is_no_way_in(status: ConnectionStatus, state: str) -> None:
    assert healthy().connection(status=status, state=state).violations(RULE) != []


def test_one_effective_connection_among_dead_ones_is_enough() -> None:
    assert list(RULE.check(healthy().connection("c-2", ConnectionStatus.REJECTED).case())) == []


@pytest.mark.parametrize("profile", list(Profile))
def test_only_profiles_that_need_a_private_path_are_judged(profile: Profile) -> None:
    assert (healthy().no_connections().profile(profile).violations(RULE) != []) is (profile in NEED)


def test_a_connection_still_being_set_up_is_mentioned() -> None:
    assert healthy().connection(state="Updating").only(RULE).evidence != ()
    assert healthy().connection(state="Failed").only(RULE).evidence == ()


def test_it_is_explained_with_a_ready_command_and_never_changed() -> None:
    given = healthy().no_connections().mode("KVG204", Mode.FIX)
    finding = given.finding(RULE)
    assert RULE.ceiling is Applicability.MANUAL
    assert finding.options == ()
    words = shlex.split(finding.advice)
    assert words[:4] == ["az", "network", "private-endpoint", "create"]
    assert words[words.index("--private-connection-resource-id") + 1] == vault_id().text
    assert words[words.index("--group-id") + 1] == "vault"
    assert given.plan().apply == ()


def test_a_partner_makes_the_endpoint_on_its_side() -> None:
    """A document says that the partner creates a Private Link Service; a vault's consumer makes an endpoint instead."""
    [line] = healthy().no_connections().profile(Profile.PARTNER).only(RULE).evidence
    assert "The partner makes the private endpoint" in line
    assert "no Private Link Service" in line
    assert healthy().no_connections().only(RULE).evidence == ()
