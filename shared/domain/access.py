"""Would this caller get in? The caller, the gates in Key Vault's own order, and what would admit who is kept out.

Source: https://learn.microsoft.com/azure/key-vault/general/authentication
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from shared.domain.answer import Answer
from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.finding import NotEvaluated
from shared.domain.reading import Unread


class CallerKind(Enum):
    """From where somebody calls."""

    INTERNET = "internet"
    NETWORK = "network"
    SERVICE = "service"
    PORTAL = "portal"
    CLOUD_SHELL = "cloud-shell"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as is known.

    ``address`` is IPv4: the public one that the vault would see, or inside a network the caller's own. ``network`` and
    ``subnet`` are where the caller, or a service that is injected into a network, has its network interface; without
    them a browser and Cloud Shell call from the internet. ``service`` is an Azure service that calls by itself.
    ``principal`` is an object id, ``operation`` such as ``secrets/get``.
    """

    kind: CallerKind
    address: str = ""
    network: ArmId | None = None
    subnet: ArmId | None = None
    service: str = ""
    principal: str = ""
    operation: str = ""


class Door(Enum):
    """Which door of the vault a request arrives at."""

    PRIVATE = "private link"
    PUBLIC = "public endpoint"
    NONE = "none"
    UNKNOWN = "unknown"


class Verdict(Enum):
    """What a gate does with the caller.

    ASSUMED: it lies outside what kvguard reads. NOT_REACHED: an earlier one failed.
    """

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    ASSUMED = "assumed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate with its verdict and the reason. ``error`` is what the client sees where it fails.

    ``unread`` is the part for want of which the verdict is UNKNOWN, None where nothing that is read could tell.
    """

    name: str
    verdict: Verdict
    reason: str
    error: str = ""
    unread: Unread | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """The smallest change that would admit the caller, and what else it would admit.

    ``changes`` are exact and in order where kvguard knows them, each proved by simulation to open the gate that fails;
    ``then`` says how far the caller gets afterwards. ``also_admits`` is empty where nobody else gets in.
    """

    what: str
    also_admits: str
    changes: tuple[Change, ...] = ()
    then: str = ""


@dataclass(frozen=True, slots=True)
class AccessExplanation:
    """The gates in order, the door, and what would admit the caller. ``answer`` is the name's, where it has one."""

    caller: Caller
    host: str
    door: Door
    answer: Answer | None
    gates: tuple[Gate, ...]
    admissions: tuple[Admission, ...] = ()

    @property
    def failing(self) -> Gate | None:
        """The first gate that keeps the caller out, None when none is known to."""
        return next((gate for gate in self.gates if gate.verdict is Verdict.FAIL), None)

    @property
    def verdict(self) -> Verdict:
        """FAIL when a gate fails, UNKNOWN when one is not known, PASS otherwise; what is assumed counts as passed."""
        verdicts = {gate.verdict for gate in self.gates}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.PASS


@dataclass(frozen=True, slots=True)
class Resolution:
    """What clients of one network get for the vault's name, and what they should get.

    ``asked`` are the networks whose DNS view counts. ``right`` are the addresses of effective endpoints that the
    network reaches; none of them means that a public address is right. ``agrees`` is None where one side is not known.
    """

    network: ArmId
    host: str
    answer: Answer
    asked: tuple[ArmId, ...] | Unread
    right: tuple[str, ...] | Unread
    agrees: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation for one caller, and what could not be judged about the vault, with the missing rights."""

    vault: ArmId
    read_at: datetime
    explanation: AccessExplanation
    not_known: tuple[NotEvaluated, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The answers in some networks. ``left_out`` are networks that the name matters in and that were not looked at."""

    vault: ArmId
    read_at: datetime
    resolutions: tuple[Resolution, ...]
    left_out: tuple[ArmId, ...] = ()
    not_known: tuple[NotEvaluated, ...] = ()
