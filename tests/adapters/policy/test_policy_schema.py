"""The schema for editors and the reader that runs say the same of a document, as far as a schema can say it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.adapters.policy_document import read_document
from shared.adapters.policy_meaning import meaning
from shared.adapters.policy_schema import policy_schema
from shared.domain.clouds import AZURE_CLOUD
from shared.rules.registry import RULES

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ONE, TWO = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-AAAAAAAAAAAA"
GROUP = f"/subscriptions/{ONE}/resourceGroups/rg-dns"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
SCOPES = (f"/subscriptions/{ONE}", GROUP, f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders")
_REPOSITORY = Path(__file__).resolve().parents[3]


@cache
def validator() -> Draft202012Validator:
    schema = policy_schema(RULES)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def readable(document: object) -> list[str]:
    """Everything that the reader has against a document."""
    problems: list[str] = []
    read = read_document(document, problems)
    if read is not None:
        meaning(read, {rule.id: rule.ceiling for rule in RULES}, AZURE_CLOUD, frozenset(), problems, NOW)
    return problems


def agree(document: object) -> None:
    problems, said = readable(document), [error.message for error in validator().iter_errors(document)]
    assert (problems == []) is (said == []), (document, problems, said)


# Each member with values that are right and values that are wrong in a way a schema can see. Lists have one entry at
# most, since a scope or a network that is listed twice is beyond a schema.
WRONG: st.SearchStrategy[object] = st.sampled_from([None, True, 7.5, [], {}, "nonsense", -1, ["nonsense"], {"x": 1}])
MODES = st.sampled_from(["off", "audit", "approve", "fix", "enforce", "Fix", 1])
IDS = st.sampled_from([rule.id for rule in RULES])
RULE_MODES = st.dictionaries(st.one_of(IDS, st.sampled_from(["KVG999", "kvg101"])), MODES, max_size=3)
GUIDS = st.sampled_from([ONE, TWO, "x", ONE[:-1], f"{ONE}0", 7])
RANGES = st.sampled_from(["20.37.158.0/23", "198.51.100.7", "everything", "2001:db8::/32", "20.0.0.0/33", "20.0.0.0/a"])
SCOPE = st.sampled_from([*SCOPES, "everything", "/", "/subscriptions/x", f"/subscriptions/{ONE}/"])
PROFILE = st.sampled_from(["private", "hybrid", "partner", "public", "secret", "Private"])
EXPIRES = st.sampled_from(["2026-12-01", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00+01:00", "soon", "2026", 20261201])
WORDS = st.sampled_from(["because", " x ", "", "  ", "x" * 600])
EXEMPT = st.one_of(IDS, st.sampled_from(["KVG999", "*"]))


def few(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(entries, max_size=1)


def shape(
    required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    """A mapping, now and then with a member too few or too many."""
    right = st.fixed_dictionaries(required, optional=optional)
    all_optional = st.fixed_dictionaries({}, optional={**required, **optional, "surprise": st.just(1)})
    return st.one_of(right, right, right, all_optional)


MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "rules": RULE_MODES,
    "scopes": few(shape({"scope": SCOPE, "rules": RULE_MODES}, {})),
    "zones": few(
        shape(
            {"id": st.sampled_from([ZONE, "x", GROUP]), "writer": st.sampled_from(["kvguard", "other", "kvgaurd"])},
            {
                "networks": few(st.sampled_from([NETWORK, "x"])),
                "link_resolution_policy": st.sampled_from(["Default", "NxDomainRedirect", "default"]),
            },
        )
    ),
    "zone_subscriptions": shape({}, {"ids": few(GUIDS), "complete": st.sampled_from([True, False, "yes"])}),
    "profiles": shape(
        {},
        {
            "default": PROFILE,
            "scopes": few(shape({"scope": SCOPE, "profile": PROFILE}, {})),
            "by_tag": few(shape({"scope": SCOPE, "allowed": st.lists(PROFILE, max_size=3)}, {})),
        },
    ),
    "ttl": shape({}, {"minimum": st.sampled_from([1, 10, 0, "10"]), "maximum": st.sampled_from([600, 2**31])}),
    "timing": shape({}, {"settle_seconds": st.sampled_from([1, 31_536_000, 0, 31_536_001, 1.5])}),
    "connections": shape({}, {"allowed_subscriptions": few(GUIDS), "managed_service_subscriptions": few(GUIDS)}),
    "pipeline_ranges": few(RANGES),
    "ip_rules": shape(
        {}, {"widest": st.sampled_from([1, 24, 32, 0, 33]), "allowed": few(RANGES), "forbidden": st.just([])}
    ),
    "trusted_services": st.sampled_from(["require", "forbid", "ignore", "maybe"]),
    "client_networks": few(
        shape({"id": st.sampled_from([NETWORK, "x"])}, {"role": st.sampled_from(["data", "management", "both", "all"])})
    ),
    "dns_mode": st.sampled_from(["zone-group", "external", "internal"]),
    "access": shape({}, {"forbidden_principals": few(GUIDS)}),
    "budgets": shape({}, {"writes_per_hour": st.sampled_from([0, 20, 1000, 1001, -1])}),
    "exemptions": few(shape({"rule": EXEMPT, "scope": SCOPE, "reason": WORDS, "owner": WORDS, "expires": EXPIRES}, {})),
    "reviewers": few(WORDS),
}
DOCUMENTS = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 1, 1, 2, "1"])},
    optional={name: st.one_of(values, values, values, values, WRONG) for name, values in MEMBERS.items()},
)


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS)
def test_schema_and_reader_agree_on_whole_documents(document: dict[str, Any]) -> None:
    agree(document)


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_schema_and_reader_agree_on_each_member_and_both_verdicts_occur(name: str) -> None:
    verdicts: set[bool] = set()

    @settings(max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(MEMBERS[name], MEMBERS[name], WRONG))
    def look(value: object) -> None:
        agree({"version": 1, name: value})
        verdicts.add(validator().is_valid({"version": 1, name: value}))

    look()
    assert verdicts == {True, False}


def test_every_member_of_the_policy_is_generated() -> None:
    assert set(MEMBERS) | {"version"} == set(policy_schema(RULES)["$defs"]["PolicyDocument"]["properties"])


BEYOND: dict[str, Callable[[], dict[str, Any]]] = {
    "a scope twice": lambda: {"scopes": [{"scope": GROUP, "rules": {}}, {"scope": f"{GROUP}/", "rules": {}}]},
    "bounds the wrong way round": lambda: {"ttl": {"minimum": 700}},
    "a day that is not": lambda: {"exemptions": [_exemption("2027-02-30")]},
    "an end too far ahead": lambda: {"exemptions": [_exemption("2028-01-01")]},
    "the zone of another service": lambda: {"zones": [{"id": f"{ZONE}x", "writer": "other"}]},
}


def _exemption(expires: str) -> dict[str, str]:
    return {"rule": "KVG101", "scope": GROUP, "reason": "r", "owner": "o", "expires": expires}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_a_schema_the_reader_refuses(name: str) -> None:
    document = {"version": 1, **BEYOND[name]()}
    assert validator().is_valid(document)
    assert readable(document) != []


def test_what_kvguard_says_of_itself_cannot_be_exempted_in_an_editor_either() -> None:
    allowed = policy_schema(RULES)["$defs"]["ExemptionEntry"]["properties"]["rule"]["enum"]
    assert set(allowed) == {rule.id for rule in RULES if not rule.id.startswith("KVG9")}


def test_the_committed_schema_is_the_one_of_the_rules() -> None:
    committed = json.loads((_REPOSITORY / "docs/schemas/policy.v1.json").read_text(encoding="utf-8"))
    assert committed == policy_schema(RULES)
