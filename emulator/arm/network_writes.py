"""What all writes of Microsoft.Network have in common: scopes of lists, busy resources, deletion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from emulator.arm.errors import another_operation, retryable
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse
from emulator.arm.operations import Protocol
from emulator.arm.resources import Network, Resource, State, Subnet
from emulator.arm.routing import Call
from emulator.arm.world import World

R = TypeVar("R", bound=Resource)
_BUSY = (State.UPDATING, State.DELETING, State.CREATING)


def scope_prefix(subscription: str, group: str | None) -> str:
    """What the keys of all resources of a subscription, or of a group in it, begin with."""
    inside = "" if group is None else f"resourcegroups/{group}/"
    return f"/subscriptions/{subscription}/{inside}".casefold()


def in_scope(world: World, call: Call, type_name: str, kind: type[R]) -> list[R]:
    """The resources of a type in the call's group, or in its subscription when it names no group."""
    target = call.target
    if target.group is None:
        world.store.require_subscription(target.subscription)
    else:
        world.store.require_group(target.subscription, target.group)
    prefix = scope_prefix(target.subscription, target.group)
    return [resource for resource in world.store.of_type(type_name, kind) if resource.id.key.startswith(prefix)]


def refuse_while_busy(world: World, call: Call, network: Network) -> None:
    """409 AnotherOperationInProgress while the network or one of its subnets is being written."""
    if not world.switches.network_conflicts:
        return
    busy = network.state in _BUSY or any(subnet.state in _BUSY for subnet in world.store.children(network.id, Subnet))
    if busy:
        location = (network.location or "").casefold()
        path = f"/subscriptions/{network.id.subscription}/providers/Microsoft.Network/locations/{location}/operations"
        raise another_operation(world.operations.url(f"{path}/{network.guid}", call.request))


def refuse_dependency_busy(world: World, resource: Resource) -> None:
    """429 RetryableError with a Retry-After while a resource is being written by another operation."""
    if world.switches.network_conflicts and resource.state in _BUSY:
        raise retryable(
            "RetryableErrorDueToAnotherOperation",
            f"Operation on resource {resource.id.text} is waiting for another operation to complete.",
            world.clock.retry_after(12),
        )


def refuse_unprovisioned(world: World, resource: Resource, referrer: ResourceId) -> None:
    """429 RetryableError without Retry-After while a referenced resource is not Succeeded."""
    if world.switches.network_conflicts and resource.state in _BUSY:
        raise retryable(
            "ReferencedResourceNotProvisioned",
            f"Cannot proceed with operation because resource {resource.id.text} used by resource {referrer.text} is "
            f"not in Succeeded state. Resource is in {resource.state.value} state.",
            None,
        )


def deleting(world: World, call: Call, location: str | None, seconds: float, finish: Callable[[], None]) -> ArmResponse:
    """The 202 of a network delete."""
    operation = world.operations.start(
        Protocol.NETWORK,
        seconds=seconds,
        retry_after=10,
        finish=finish,
        subscription=call.id.subscription,
        location=location or "",
    )
    call.operation = operation
    return ArmResponse(202, None, world.operations.network_headers(operation, call.request, delete=True))
