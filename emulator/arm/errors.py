"""The errors that Resource Manager and its providers answer with, each with its status, code and wording.

Codes: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator.arm.ids import ResourceId


@dataclass
class ArmError(Exception):
    """An answer that is an error.

    `flat` bodies have `code` and `message` at the top level, as private DNS sends them for failed preconditions;
    `gateway` marks errors that Resource Manager itself gives before a provider is asked.
    """

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    details: list[dict[str, Any]] | None = None
    flat: bool = False
    gateway: bool = False
    target: str | None = None
    additional_info: list[dict[str, Any]] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        inner: dict[str, Any] = {"code": self.code}
        if self.target is not None:
            inner["target"] = self.target
        inner["message"] = self.message
        if self.details is not None:
            inner["details"] = self.details
        if self.additional_info is not None:
            inner["additionalInfo"] = self.additional_info
        return inner if self.flat else {"error": inner}

    @property
    def all_headers(self) -> dict[str, str]:
        """Headers with the failure cause of the gateway, if it is one."""
        return {**self.headers, **({"x-ms-failure-cause": "gateway"} if self.gateway else {})}


def resource_not_found(target: ResourceId) -> ArmError:
    """404 for a resource that does not exist."""
    shown = f"{target.type}/{target.name}" if len(target.types) == 1 else _slashed(target)
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{shown}' under resource group '{target.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        gateway=True,
    )


def _slashed(target: ResourceId) -> str:
    pairs = "/".join(f"{kind}/{name}" for kind, name in zip(target.types, target.names, strict=True))
    return f"{target.provider}/{pairs}"


def parent_not_found(target: ResourceId) -> ArmError:
    """404 for a child whose parent does not exist."""
    parent = target.parent
    assert parent is not None
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform operation on the nested resource because parent resource '{parent.text}' was not found.",
        gateway=True,
    )


def group_not_found(group: str) -> ArmError:
    """404 for an unknown resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True)


def subscription_not_found(subscription: str) -> ArmError:
    """404 for an unknown subscription."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.", gateway=True)


def bad_request(message: str, code: str = "BadRequest") -> ArmError:
    """400 with the given wording."""
    return ArmError(400, code, message)


def invalid_reference(referenced: str, referrer: ResourceId) -> ArmError:
    """400 for a body that names a resource which does not exist."""
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {referenced} referenced by resource {referrer.text} was not found. Please make sure that the "
        "referenced resource exists, and that both resources are in the same region.",
        details=[],
    )


def precondition_failed(message: str) -> ArmError:
    """412 in the flat form of private DNS."""
    return ArmError(412, "PreconditionFailed", message, flat=True)


def unauthorized(message: str, code: str = "InvalidAuthenticationToken") -> ArmError:
    """401 with the challenge that tells a client where to get a token."""
    return ArmError(401, code, message, gateway=True)


def forbidden(name: str, oid: str, action: str, scope: str) -> ArmError:
    """403 for a caller without the right to an action."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{name}' with object id '{oid}' does not have authorization to perform action '{action}' over "
        f"scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        gateway=True,
    )


def linked_forbidden(name: str, oid: str, action: str, scope: str, linked: str, linked_scope: str) -> ArmError:
    """403 for a caller without the right to join a resource that the body names."""
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{name}' with object id '{oid}' has permission to perform action '{action}' on scope '{scope}'; "
        f"however, it does not have permission to perform action(s) '{linked}' on the linked scope(s) "
        f"'{linked_scope}' (respectively) or the linked scope(s) are invalid.",
        gateway=True,
    )


def another_operation(operation_url: str) -> ArmError:
    """409 for a network resource on which another operation runs."""
    return ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
        f"uri: {operation_url}.",
        details=[],
    )


def retryable(reason: str, message: str, retry_after: str | None) -> ArmError:
    """429 that is no throttling: the network provider asks to come back when a dependency has settled."""
    return ArmError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        headers={} if retry_after is None else {"Retry-After": retry_after},
        details=[{"code": reason, "message": message}],
    )
