"""What must hold for every option that a finding offers, SAFE or not: it mends, and it can be taken back.

Each function yields a sentence per breach, as those of ``properties`` do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.change import Irreversible, RefreshZoneGroup
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.finding import Finding, Option
from shared.domain.reading import Unread
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import Zone
from shared.engine.evaluate import evaluate
from shared.rules.registry import RULES
from tests.engine.properties import VaultCase

_BY_ID: Final = {rule.id: rule for rule in RULES}


def offered(case: VaultCase) -> Iterator[tuple[Rule, Finding, Option]]:
    """Every option of every finding, each rule judged alone, so that no other one hides what it offers."""
    for rule in RULES:
        for finding in evaluate(case.snapshot, case.estate.policy, (rule,)).findings:
            for option in finding.options:
                yield rule, finding, option


def options_mend(case: VaultCase) -> Iterator[str]:
    """After any single option its rule is silent about the subject.

    Only a zone group that is written again as it is changes nothing that kvguard knows: Azure's controller does it.
    """
    for rule, finding, option in offered(case):
        if isinstance(option.change, RefreshZoneGroup):
            continue
        after = option.change.simulate(case.snapshot)
        left = evaluate(after, case.estate.policy, (rule,)).findings
        if any(other.subject == finding.subject for other in left):
            yield f"{rule.id} still finds {finding.subject.name} after: {option.change.description}"


def options_touch_only_what_they_say(case: VaultCase) -> Iterator[str]:
    """An option changes something, and nothing but the parts that its verb is about."""
    before = _state(case.snapshot)
    for rule, _, option in offered(case):
        changed = {part for part, now in _state(option.change.simulate(case.snapshot)).items() if now != before[part]}
        allowed = _PARTS[option.change.verb]
        if not changed <= allowed or (allowed and not changed):
            yield f"{rule.id}: {option.change.description} changes {sorted(changed)}"


_PARTS: Final = {
    "approve-connection": {"connections"},
    "reject-connection": {"connections"},
    "delete-connection": {"connections"},
    "set-public-access": {"public access"},
    "set-network-acl": {"firewall"},
    "create-record": {"records"},
    "update-record": {"records"},
    "delete-record": {"records"},
    "create-link": {"links"},
    "set-link-registration": {"links"},
    "create-zone": {"zones", "links", "records"},
    "create-zone-group": {"endpoints", "records"},
    "point-zone-group": {"endpoints", "records"},
    "refresh-zone-group": set(),
    "delete-endpoint": {"endpoints", "records"},
}


def inverses_restore(case: VaultCase) -> Iterator[str]:
    """The inverse of an option gives the state as before; an option without one says what is lost.

    Where Azure's controller takes a record over, it goes with the zone group: the option has to say so.
    """
    before = _state(case.snapshot)
    for rule, _, option in offered(case):
        inverse = option.change.inverse
        if isinstance(inverse, Irreversible):
            if len(inverse.lost.split()) < 3:
                yield f"{rule.id}: {option.change.description} does not say what is lost"
            continue
        restored = _state(inverse.simulate(option.change.simulate(case.snapshot)))
        wrong = sorted(part for part, now in restored.items() if now != before[part])
        if wrong == ["records"] and option.change.verb in _TAKING_OVER and "taking this back" in option.warning:
            continue
        if wrong:
            yield f"{rule.id}: taking back {option.change.description} leaves other {wrong}"


_TAKING_OVER: Final = ("create-zone-group", "point-zone-group")


def _state(snapshot: VaultSnapshot) -> dict[str, object]:
    """What options may change, without the marks and etags that every write leaves."""
    vault = snapshot.vault
    return {
        "public access": vault.public_access,
        "firewall": vault.acl,
        "connections": [(c.id, c.status, c.provisioning_state, c.endpoint) for c in vault.connections],
        "endpoints": [_endpoint(key, known) for key, known in sorted(snapshot.endpoints.items())],
        "zones": [zone.id for zone in snapshot.zones],
        "links": [(zone.id, zone.links, zone.link_count) for zone in snapshot.zones],
        "records": [(zone.id, _records(zone)) for zone in snapshot.zones],
    }


def _endpoint(key: object, known: object) -> object:
    if not isinstance(known, PrivateEndpoint) or isinstance(known.zone_groups, Unread):
        return key, type(known), getattr(known, "zone_groups", None)
    return key, known.addresses, [(group.id, group.zones) for group in known.zone_groups]


def _records(zone: Zone) -> list[object]:
    """Records by name; one that is known to be absent is none."""
    present = ((name, record) for name, record in sorted(zone.records.items()) if record is not None)
    return [(name, sorted(record.addresses), record.ttl) for name, record in present]
