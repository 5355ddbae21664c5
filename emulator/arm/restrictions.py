"""What stops a caller who has the right: locks, denials by Azure Policy, and deny assignments.

Sources: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources,
https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny,
https://learn.microsoft.com/azure/role-based-access-control/deny-assignments
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from emulator.arm.access import Principal
from emulator.arm.errors import ArmError
from emulator.arm.ids import is_within

_WRITES = ("PUT", "PATCH", "POST", "DELETE")


class LockLevel(StrEnum):
    """What a lock forbids: deleting, or every change."""

    CAN_NOT_DELETE = "CanNotDelete"
    READ_ONLY = "ReadOnly"


@dataclass(frozen=True)
class Lock:
    """A lock on a scope (a subscription, group or resource id), inherited by all below it."""

    name: str
    scope: str
    level: LockLevel

    @property
    def id(self) -> str:
        """The lock's own id."""
        return f"{self.scope.rstrip('/')}/providers/Microsoft.Authorization/locks/{self.name}"


@dataclass(frozen=True)
class PolicyDenial:
    """An assignment with effect Deny for resources of one full type at and below a scope."""

    name: str
    scope: str
    resource_type: str
    display_name: str = ""

    @property
    def assignment_id(self) -> str:
        """The assignment's id."""
        return f"{self.scope.rstrip('/')}/providers/Microsoft.Authorization/policyAssignments/{self.name}"

    @property
    def definition_id(self) -> str:
        """The definition's id, in the subscription of the scope."""
        subscription = "/".join(self.scope.split("/")[:3])
        return f"{subscription}/providers/Microsoft.Authorization/policyDefinitions/{self.name}"


@dataclass(frozen=True)
class DenyAssignment:
    """A deny assignment: actions (with `*`) that nobody but the excluded principals may do at and below a scope."""

    name: str
    scope: str
    actions: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class Restrictions:
    """All restrictions in force."""

    locks: list[Lock] = field(default_factory=list)
    policy_denials: list[PolicyDenial] = field(default_factory=list)
    deny_assignments: list[DenyAssignment] = field(default_factory=list)

    def lock(self, scope: str, level: LockLevel = LockLevel.READ_ONLY, name: str = "lock") -> Lock:
        """Lock a scope."""
        made = Lock(name, scope, level)
        self.locks.append(made)
        return made

    def deny_by_policy(
        self, scope: str, resource_type: str, name: str = "deny-policy", display_name: str = ""
    ) -> PolicyDenial:
        """Let Azure Policy deny writes of a type."""
        made = PolicyDenial(name, scope, resource_type, display_name)
        self.policy_denials.append(made)
        return made

    def deny_assignment(
        self, scope: str, actions: tuple[str, ...], name: str = "deny-assignment", excluded: tuple[str, ...] = ()
    ) -> DenyAssignment:
        """Deny actions to all but some principals, given by name."""
        made = DenyAssignment(name, scope, actions, excluded)
        self.deny_assignments.append(made)
        return made

    def clear(self) -> None:
        """Lift all of them."""
        self.locks.clear()
        self.policy_denials.clear()
        self.deny_assignments.clear()

    def check(self, method: str, principal: Principal, action: str, scope: str) -> None:
        """Refuse a request that a restriction is for, in Azure's order: deny assignment, policy, lock.

        Raises ArmError 403 or 409.
        """
        if not (self.locks or self.policy_denials or self.deny_assignments):
            return
        for assignment in self.deny_assignments:
            meant = any(fnmatchcase(action.casefold(), pattern.casefold()) for pattern in assignment.actions)
            if meant and principal.name not in assignment.excluded and is_within(assignment.scope, scope):
                raise _denied_by_assignment(assignment, principal, action, scope)
        if method not in _WRITES:
            return
        if method in ("PUT", "PATCH"):
            written = action.removesuffix("/write").casefold()
            for denial in self.policy_denials:
                if denial.resource_type.casefold() == written and is_within(denial.scope, scope):
                    raise _denied_by_policy(denial, scope)
        holding = [lock for lock in self.locks if _holds(lock, method, scope)]
        if holding:
            raise _locked(holding, method, scope)


def _holds(lock: Lock, method: str, scope: str) -> bool:
    if method == "DELETE":
        # A lock on something inside keeps what it lies in from being deleted, too.
        return is_within(lock.scope, scope) or is_within(scope, lock.scope)
    return lock.level is LockLevel.READ_ONLY and is_within(lock.scope, scope)


def _locked(locks: list[Lock], method: str, scope: str) -> ArmError:
    verb = "delete" if method == "DELETE" else "write"
    named = ",".join(lock.scope for lock in locks)
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{named}'. "
        "Please remove the lock and try again.",
        gateway=True,
    )


def _denied_by_assignment(assignment: DenyAssignment, who: Principal, action: str, scope: str) -> ArmError:
    return ArmError(
        403,
        "DenyAssignmentAuthorizationFailed",
        f"The client '{who.shown}' with object id '{who.oid}' has permission to perform action '{action}' on scope "
        f"'{scope}'; however, the access is denied because of the deny assignment with name '{assignment.name}' and "
        f"Id '{assignment.id}' at scope '{assignment.scope}'.",
        gateway=True,
    )


def _denied_by_policy(denial: PolicyDenial, scope: str) -> ArmError:
    name = scope.rsplit("/", 1)[-1]
    shown = denial.display_name or denial.name
    identifiers = [
        {
            "policyAssignment": {"name": shown, "id": denial.assignment_id},
            "policyDefinition": {"name": shown, "id": denial.definition_id},
        }
    ]
    told = json.dumps(identifiers, separators=(",", ":"))
    return ArmError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: '{told}'.",
        target=name,
        additional_info=[
            {
                "type": "PolicyViolation",
                "info": {
                    "policyDefinitionDisplayName": shown,
                    "policyDefinitionId": denial.definition_id,
                    "policyDefinitionName": denial.name,
                    "policyDefinitionEffect": "Deny",
                    "policyAssignmentId": denial.assignment_id,
                    "policyAssignmentName": denial.name,
                    "policyAssignmentDisplayName": shown,
                    "policyAssignmentScope": denial.scope,
                    "policyAssignmentParameters": {},
                },
            }
        ],
        gateway=True,
    )
