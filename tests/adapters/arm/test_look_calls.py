"""What a look costs with all rules: at an event only what rules ask for then, in a sweep what any rule asks for."""

from __future__ import annotations

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.history import History
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Gone
from shared.rules.registry import RULES
from shared.service.judge import Judge, Judgement
from tests.adapters.arm.bench import Bench, seconds
from tests.emulator.arm.estate import (
    ENDPOINT,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    Estate,
    endpoint_body,
    record_body,
)

SECOND = f"{NETWORK_PROVIDER}/privateEndpoints/Pe-Second"
POLICY = Policy(zones=(ZonePolicy(ArmId.parse(ZONE), Writer.KVGUARD),))


def _look(bench: Bench, *, thorough: bool = False) -> Judgement:
    judge = Judge(bench.reader, RULES)
    also = judge.every_rule if thorough else frozenset[str]()
    judged = judge.judge(ArmId.parse(VAULT), POLICY, History(), seconds(10), also=also)
    assert not isinstance(judged, Gone)
    return judged


def _reject(bench: Bench, estate: Estate, endpoint: str) -> None:
    connection = next(c for c in bench.read().vault.connections if c.endpoint == ArmId.parse(endpoint))
    state = {"status": "Rejected", "description": "by a test"}
    estate.put(str(connection.id), {"properties": {"privateLinkServiceConnectionState": state}})


def test_an_event_at_a_vault_without_connections_looks_for_no_zones(bench: Bench, estate: Estate) -> None:
    """The perimeter is asked for because the public door is judged by it."""
    estate.vault(publicNetworkAccess="Disabled")
    _look(bench)
    assert bench.asked() == ["networkSecurityPerimeterConfigurations", "vaults/Kv-Orders"]


def test_an_event_at_a_vault_with_dead_connections_looks_for_no_zones(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    _reject(bench, estate, ENDPOINT)
    mark = bench.mark()
    _look(bench)
    assert not {"A", "privateDnsZones", "virtualNetworkLinks"} & set(bench.asked(mark))


@pytest.mark.parametrize("status", ["Rejected", "Pending"])
def test_an_event_reads_no_address_of_an_endpoint_that_is_not_in_effect(
    bench: Bench, estate: Estate, status: str
) -> None:
    estate.everything()
    estate.put(SECOND, endpoint_body(manual=True))
    if status == "Rejected":
        _reject(bench, estate, SECOND)
    mark = bench.mark()
    _look(bench)
    asked = bench.asked(mark)
    assert "networkInterfaces/Pe-Orders" in asked
    assert "networkInterfaces/Pe-Second" not in asked


def test_a_sweep_reads_it_and_says_to_whom_the_record_leads(bench: Bench, estate: Estate) -> None:
    estate.everything()
    estate.put(SECOND, endpoint_body())
    _reject(bench, estate, SECOND)
    estate.put(RECORD, record_body("10.1.0.5"))
    mark = bench.mark()
    judged = _look(bench, thorough=True)
    assert bench.asked(mark).count("networkInterfaces/Pe-Second") == 1
    found = {finding.rule for finding in judged.assessment.findings if finding.subject == ArmId.parse(RECORD)}
    assert found == {"KVG419"}


def test_a_sweep_finds_the_record_of_a_vault_that_has_no_connection(bench: Bench, estate: Estate) -> None:
    estate.vault()
    estate.zone()
    estate.put(RECORD, record_body("10.1.0.4"))
    events = [finding.rule for finding in _look(bench).assessment.findings]
    assert not {"KVG414", "KVG420"} & set(events)
    judged = _look(bench, thorough=True)
    assert "KVG414" in {finding.rule for finding in judged.assessment.findings}
    assert "KVG414" not in {missing.rule for missing in judged.assessment.not_evaluated}
