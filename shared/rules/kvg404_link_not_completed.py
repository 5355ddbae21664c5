"""KVG404 link-not-completed: until it is ready, clients may get the public address.

What it finds
-------------
A virtual network link between a zone that answers for the vault and an effective endpoint's resolving network, whose
state has not been Completed for longer than the policy's ``max_settle``, or whose operation has failed.

Why it matters
--------------
Until the link is completed Azure's DNS may or may not ask the zone, so clients get the public address now and then.

Example
-------
A link that has been ``InProgress`` for an hour because the network was being deleted when it was created.

Remediation
-----------
Look at the operation of the link in the activity log; delete the link and create it again when it does not go on.

Remediation safety
------------------
Never by kvguard: an operation of Azure is under way on this link, and a second one would be refused or would race it.
The time counts from when kvguard first saw the link in this state.

Links
-----
https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, is_terminal
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.serving import asked_networks
from shared.domain.zone import Zone, ZoneLink


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every link to a network of an effective endpoint that has been unfinished for too long."""
    endpoints = case.snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(case.snapshot.vault.id, endpoints)
        return
    networks = {endpoint.network for endpoint in endpoints}
    for asked in asked_networks(case):
        if isinstance(asked, Unknown):
            yield asked
        else:
            networks.add(asked[1])
    for zone in case.snapshot.zones if networks else ():
        if isinstance(zone.links, Unread):
            yield Unknown(zone.id, zone.links)
            continue
        for link in (link for network in sorted(networks) for link in zone.links_to(network)):
            if not link.completed:
                yield from _judge(case, zone, link)


def _judge(case: Case, zone: Zone, link: ZoneLink) -> Iterator[Violation | Unknown]:
    snapshot = case.snapshot
    failed = is_terminal(link.provisioning_state) and link.provisioning_state.casefold() != "succeeded"
    if isinstance(snapshot.history, Unread) and not failed:
        yield Unknown(link.id, snapshot.history)
        return
    since = None if isinstance(snapshot.history, Unread) else snapshot.history.links_moving_since.get(link.id)
    lasted = None if since is None else snapshot.read_at - since
    if not failed and (lasted is None or lasted <= case.policy.timing.max_settle):
        return
    how = (
        f"its operation ended as {link.provisioning_state}"
        if failed or since is None
        else f"it has been under way since {since:%Y-%m-%d %H:%M} UTC"
    )
    yield Violation(
        subject=link.id,
        message=(
            f"Link {link.id.name} of zone {zone.name} to network {link.network.name} is not completed: {how}. What "
            f"vault {snapshot.vault.name} resolves to there is not certain."
        ),
        facts={
            "zone": zone.id.key,
            "network": link.network.key,
            "completed": False,
            "provisioning_state": link.provisioning_state.casefold(),
        },
        advice=(
            f"Look for the operation on link {link.id.name} in the activity log of resource group "
            f"{zone.id.resource_group}. If it does not go on, delete the link and create it again, registration off."
        ),
    )


RULE = Rule(
    id="KVG404",
    name="link-not-completed",
    title="A link of the private DNS zone does not get ready",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
    of_moving=True,
)
