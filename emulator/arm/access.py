"""Who calls, and what they may do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from emulator.arm.ids import is_within

_NAMESPACE = uuid.UUID("6f8f57a4-0e4c-4f2e-9a52-5b2e6d0f7a11")


class PrincipalType(Enum):
    """What a principal is in Entra's words."""

    USER = "User"
    SERVICE_PRINCIPAL = "ServicePrincipal"


@dataclass(frozen=True)
class Principal:
    """An identity: object id, application id and, for people, a user principal name."""

    name: str
    oid: str
    appid: str
    type: PrincipalType = PrincipalType.SERVICE_PRINCIPAL
    upn: str | None = None

    @classmethod
    def named(cls, name: str, *, person: bool = False) -> Principal:
        """A principal whose ids follow from its name, so that they are the same in every process."""
        return cls(
            name=name,
            oid=str(uuid.uuid5(_NAMESPACE, f"oid/{name}")),
            appid=str(uuid.uuid5(_NAMESPACE, f"appid/{name}")),
            type=PrincipalType.USER if person else PrincipalType.SERVICE_PRINCIPAL,
            upn=f"{name}@example.com" if person else None,
        )

    @property
    def shown(self) -> str:
        """How error messages name the client: people by name, applications by id."""
        return self.upn or self.appid


@dataclass(frozen=True)
class _Denial:
    principal: str
    action: str
    scope: str


@dataclass(frozen=True)
class _Grant:
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    scope: str


@dataclass
class Access:
    """Rights per principal: everything, unless something is denied or only certain actions are granted."""

    _denials: list[_Denial] = field(default_factory=list)
    _grants: dict[str, list[_Grant]] = field(default_factory=dict)

    def deny(self, principal: str, action: str, scope: str = "/") -> None:
        """Take from a principal all actions that start with `action`, at and below a scope."""
        self._denials.append(_Denial(principal, action.casefold(), scope))

    def grant(
        self, principal: str, actions: tuple[str, ...], scope: str = "/", not_actions: tuple[str, ...] = ()
    ) -> None:
        """Give a principal only these actions (with `*` as in role definitions); grants add up."""
        self._grants.setdefault(principal, []).append(
            _Grant(
                tuple(action.casefold() for action in actions),
                tuple(action.casefold() for action in not_actions),
                scope,
            )
        )

    def restore(self, principal: str) -> None:
        """Give a principal all rights again."""
        self._denials = [denial for denial in self._denials if denial.principal != principal]
        self._grants.pop(principal, None)

    def allows(self, principal: Principal, action: str, scope: str) -> bool:
        """Whether a principal may do an action on a scope."""
        wanted = action.casefold()
        for denial in self._denials:
            inside = denial.scope == "/" or is_within(denial.scope, scope)
            if denial.principal == principal.name and wanted.startswith(denial.action) and inside:
                return False
        grants = self._grants.get(principal.name)
        if grants is None:
            return True
        return any(
            (grant.scope == "/" or is_within(grant.scope, scope))
            and any(fnmatchcase(wanted, pattern) for pattern in grant.actions)
            and not any(fnmatchcase(wanted, pattern) for pattern in grant.not_actions)
            for grant in grants
        )
