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
    _known: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    def deny(self, principal: str, action: str, scope: str = "/") -> None:
        """Take from a principal all actions that start with `action`, at and below a scope."""
        self._denials.append(_Denial(principal, action.casefold(), scope))
        self._known.clear()

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
        self._known.clear()

    def restore(self, principal: str) -> None:
        """Give a principal all rights again."""
        self._denials = [denial for denial in self._denials if denial.principal != principal]
        self._grants.pop(principal, None)
        self._known.clear()

    def everywhere(self, principal: Principal, action: str) -> bool:
        """Whether a principal may do an action on every scope there is."""
        denied, granted = self._where(principal, action)
        return not denied and "/" in granted

    def allows(self, principal: Principal, action: str, scope: str) -> bool:
        """Whether a principal may do an action on a scope."""
        denied, granted = self._where(principal, action)
        return not any(_inside(outer, scope) for outer in denied) and any(_inside(outer, scope) for outer in granted)

    def _where(self, principal: Principal, action: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        known = self._known.get((principal.name, action))
        if known is None:
            known = self._known[(principal.name, action)] = self._scopes(principal.name, action.casefold())
        return known

    def _scopes(self, principal: str, wanted: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Where an action is denied, and where it is granted."""
        denied = tuple(
            denial.scope
            for denial in self._denials
            if denial.principal == principal and wanted.startswith(denial.action)
        )
        grants = self._grants.get(principal)
        if grants is None:
            return denied, ("/",)
        granted = tuple(
            grant.scope
            for grant in grants
            if any(fnmatchcase(wanted, pattern) for pattern in grant.actions)
            and not any(fnmatchcase(wanted, pattern) for pattern in grant.not_actions)
        )
        return denied, granted


def _inside(outer: str, scope: str) -> bool:
    return outer == "/" or is_within(outer, scope)
