"""Settling: when something that was seen may be acted on, as pure functions over the vault's row.

A violation is acted on once it has been seen twice, at least ``settle`` apart. Whoever is still at work on the
resources that it is about restarts the wait, so that kvguard never races a deployment; ``max_settle`` after the first
sight it acts all the same. In a zone that Azure Policy maintains nothing is done, and nobody is told, before
``controller_grace`` has passed: an assignment that attaches zone groups does so minutes after the deployment.
Source: https://learn.microsoft.com/azure/governance/policy/how-to/remediate-resources
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.arm_id import A_RECORD, CONNECTION, LINK, NETWORK, ZONE, ArmId, InvalidArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.finding import Finding, Option
from shared.domain.grades import Writer
from shared.domain.policy import Policy
from shared.domain.snapshot import VaultSnapshot
from shared.service.ports import VaultRow


@dataclass(frozen=True, slots=True)
class OwnResources:
    """What a finding is about: ``roots`` with all above and below them, and the ``zones`` they lie in.

    ``strangers`` are links of these zones that lead to networks of no endpoint of the vault.
    """

    roots: frozenset[ArmId]
    zones: frozenset[ArmId]
    strangers: frozenset[ArmId]

    def include(self, resource: ArmId) -> bool:
        """Whether an event on this resource is one on the finding's own."""
        if resource in self.zones:
            return True
        if resource.is_a(LINK) and resource.parent in self.zones:
            return resource not in self.strangers
        return any(resource.within(root.key) or root.within(resource.key) for root in self.roots)


def own_resources(finding: Finding, snapshot: VaultSnapshot) -> OwnResources:
    """The resources whose events say that somebody is at work on what a finding is about.

    These are the subject and the targets of the options, what they lie in below the resource group, and what lies in
    them. Who builds a private path creates the endpoint, its connection and zone group, then the zone's link, then the
    record, and is not done before the last: so a finding about a zone, its record or its link has the vault's endpoints
    and the links from that zone to their networks as its own too, and one about a connection the endpoint behind it.
    What the zone holds for other vaults and networks is not its own: a hub's zone is written all day long.
    """
    roots = {finding.subject, *(option.change.target for option in finding.options)}
    zones = frozenset(_zones(finding))
    endpoints = {c.id: c.endpoint for c in snapshot.vault.connections if c.endpoint is not None}
    if zones or finding.subject.is_a(NETWORK):
        roots.update(endpoints.values())
    elif finding.subject.is_a(CONNECTION) and finding.subject in endpoints:
        roots.add(endpoints[finding.subject])
    networks = {e.network for e in snapshot.endpoints.values() if isinstance(e, PrivateEndpoint)}
    networks.update(root for root in roots if root.is_a(NETWORK))
    strangers = {
        link.id
        for zone in snapshot.zones
        if zone.id in zones and isinstance(zone.links, tuple)
        for link in zone.links
        if link.network not in networks
    }
    return OwnResources(frozenset(roots - zones), zones, frozenset(strangers))


def sight(finding: Finding, option: Option | None = None) -> str:
    """The key under which a row keeps when a finding was first seen, or one of its options: what exactly would be done.

    An option whose facts have changed is another one, and is seen anew.
    """
    return f"{finding.rule} {finding.fingerprint if option is None else option.digest}"


def ready_at(
    row: VaultRow, finding: Finding, option: Option | None, snapshot: VaultSnapshot, policy: Policy
) -> datetime:
    """When an option may be carried out, or without one the finding be told, as it looks now.

    Everything is on the worker's clock; ``touched`` is on Azure's and moved by how far the two are apart.
    """
    timing = policy.timing
    first = row.first_seen.get(sight(finding, option), snapshot.read_at)
    ready = first + timing.settle
    touched = _last_touched(row, own_resources(finding, snapshot)) if row.touched else None
    if touched is not None:
        touched -= snapshot.began - snapshot.read_at
        ready = max(ready, min(touched + timing.settle, first + timing.max_settle))
    patient = {zone.id for zone in policy.zones if zone.writer is Writer.AZURE_POLICY}
    if patient and any(zone in patient for zone in _zones(finding)):
        ready = max(ready, first + timing.controller_grace)
    return ready


def settled(row: VaultRow, finding: Finding, option: Option | None, snapshot: VaultSnapshot, policy: Policy) -> bool:
    """Whether it was seen before this reading, long enough ago, with nobody at work on it since."""
    first, now = row.first_seen.get(sight(finding, option)), snapshot.read_at
    return first is not None and now > first and now >= ready_at(row, finding, option, snapshot, policy)


def backoff(since: datetime | None, now: datetime, shortest: timedelta, longest: timedelta) -> timedelta:
    """How long to wait for what has lasted since then: as long again, within bounds."""
    lasted = timedelta(0) if since is None else now - since
    return max(min(max(lasted, shortest), longest), timedelta(seconds=1))


def _last_touched(row: VaultRow, own: OwnResources) -> datetime | None:
    return max((at for resource, at in row.touched.items() if own.include(resource)), default=None)


def _zones(finding: Finding) -> Iterator[ArmId]:
    """The zones that a finding is about: around its subject and its targets, and the one that its facts name."""
    for resource in (finding.subject, *(option.change.target for option in finding.options), _named_zone(finding)):
        if resource is not None and resource.is_a(ZONE):
            yield resource
        elif resource is not None and (resource.is_a(A_RECORD) or resource.is_a(LINK)):
            yield resource.parent


def _named_zone(finding: Finding) -> ArmId | None:
    named = finding.facts.get("zone")
    try:
        return ArmId.parse(named) if isinstance(named, str) else None
    except InvalidArmId:
        return None
