"""What a scenario says: how the bad state is made, what the rule must find, and what each remedy must send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shared.domain.grades import Applicability
from shared.domain.history import History
from shared.domain.policy import Policy
from shared.domain.snapshot import VaultSnapshot
from tests.scenarios.estate import VAULT, Estate


class Expect(Enum):
    """What the rule must say about the subject."""

    FIRES = "fires"
    SILENT = "silent"
    NOT_EVALUATED = "not evaluated"


class Under(Enum):
    """The precondition that a write carries: none, nothing there (``If-None-Match: *``), or the etag that was read."""

    NOTHING = "nothing"
    MISSING = "if-none-match"
    ETAG = "if-match"


@dataclass(frozen=True)
class Write:
    """One request: method, id of the resource as a pattern (``*/A/kv-orders``, case ignored), precondition."""

    method: str
    target: str
    under: Under = Under.NOTHING


@dataclass(frozen=True)
class Remedy:
    """One option of the finding: its verb, how free it is, and everything that is written for it, in order.

    ``target`` is a pattern that tells options of the same verb apart. Without ``irreversible`` the change must have an
    inverse that brings the whole estate back; with it, what it deletes must be kept in the journal. ``rebuild`` makes
    that again by SDK from the body that was kept; then the estate is compared as a whole, too.
    """

    verb: str
    applicability: Applicability
    writes: tuple[Write, ...]
    target: str = "*"
    irreversible: bool = False
    rebuild: Callable[[Estate, Mapping[str, Any]], None] | None = None


def _usual(estate: Estate) -> None:
    estate.usual()


def _usual_policy(estate: Estate) -> Policy:
    return estate.policy()


def _no_history(snapshot: VaultSnapshot) -> History:
    return History()


@dataclass(frozen=True)
class Scenario:
    """A bad state. ``make`` breaks what ``prepare`` built and returns the id of what the rule must name.

    ``policy`` is built from the estate as it is once broken; ``companions`` are ids of other rules that the bad state
    may wake as well. Remedies are all options of the finding: none for a rule that only explains.
    """

    name: str
    rule: str
    make: Callable[[Estate], str]
    remedies: tuple[Remedy, ...] = ()
    expect: Expect = Expect.FIRES
    prepare: Callable[[Estate], None] = _usual
    policy: Callable[[Estate], Policy] = _usual_policy
    history: Callable[[VaultSnapshot], History] = _no_history
    companions: frozenset[str] = frozenset()
    vault: str = VAULT
