"""What the vault's name resolves to in one network, what it should resolve to, and whether the two agree. Pure."""

from __future__ import annotations

from shared.domain.access import Resolution
from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.engine.approach import isolated
from shared.engine.resolver import ResolverSimulation

_RESOLVER = ResolverSimulation()


def resolution(snapshot: VaultSnapshot, network: ArmId) -> Resolution:
    """The answer in one network beside the right one: the addresses of effective endpoints that it reaches."""
    answer = _RESOLVER.answer(snapshot, network, snapshot.vault)
    asked = _RESOLVER.resolving_networks(snapshot, network)
    right = _right(snapshot, network)
    agrees, why = _compare(snapshot, network, answer, right)
    host = snapshot.cloud.vault_host(snapshot.vault.name)
    return Resolution(network, host, answer, asked, right, agrees, why)


def networks_of(snapshot: VaultSnapshot) -> tuple[ArmId, ...]:
    """The networks that a vault's name matters in: those of its effective endpoints, then those linked to its zones."""
    found = {end.network: None for _, end in snapshot.private_ends() if not isinstance(end, Unread)}
    linked = {
        link.network for zone in snapshot.named_zones() if not isinstance(zone.links, Unread) for link in zone.links
    }
    return tuple(dict.fromkeys((*sorted(found), *sorted(linked))))


def _right(snapshot: VaultSnapshot, network: ArmId) -> tuple[str, ...] | Unread:
    found: set[str] = set()
    for _, end in snapshot.private_ends():
        if isinstance(end, Unread):
            return end
        reached = snapshot.reaches(network, end.network)
        if isinstance(reached, Unread):
            return reached
        if reached and isinstance(end.addresses, Unread):
            return end.addresses
        if reached and not isinstance(end.addresses, Unread):
            found.update(end.addresses)
    return tuple(sorted(found))


def _compare(
    snapshot: VaultSnapshot, network: ArmId, answer: Answer, right: tuple[str, ...] | Unread
) -> tuple[bool | None, str]:
    if answer.kind is AnswerKind.UNKNOWN:
        return None, f"the answer is not known: {answer.reason}"
    if isinstance(right, Unread):
        return None, f"the right answer is not known: {right}"
    if snapshot.zones_unread:
        return None, f"a zone in a place that is not read may answer first ({snapshot.zones_unread[0]})"
    if right:
        return _against(answer, right)
    if not snapshot.vault.effective_connections:
        wanted = "the vault has no effective private endpoint, so its public address is the right answer"
        return answer.kind is AnswerKind.PUBLIC, wanted
    if answer.kind is AnswerKind.PUBLIC:
        return True, f"network {network.name} is peered with no network of an endpoint: the public address is right"
    if answer.kind is AnswerKind.NXDOMAIN:
        return False, f"network {network.name} gets no address at all"
    if isolated(snapshot, network) is True:
        return False, f"network {network.name} has no way to {answer.summary}: no connected peering and no gateway"
    why = (
        f"network {network.name} is peered with no network of an endpoint; a way over a hub, a gateway or an appliance"
    )
    return None, f"{why} is not seen"


def _against(answer: Answer, right: tuple[str, ...]) -> tuple[bool, str]:
    wanted = " or ".join(right)
    if answer.addresses and set(answer.addresses) <= set(right):
        return True, "an effective private endpoint that the network reaches"
    if answer.kind is AnswerKind.PUBLIC:
        return False, f"clients go to the public endpoint although {wanted} is in reach"
    if answer.kind is AnswerKind.NXDOMAIN:
        return False, f"clients get no address although {wanted} is in reach"
    wrong = ", ".join(sorted(set(answer.addresses) - set(right)))
    return False, f"{wrong} is no effective endpoint of the vault that the network reaches; right is {wanted}"
