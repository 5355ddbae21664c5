"""The policy as it holds for one vault: values with where each comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode
from shared.domain.policy import Exemption


@dataclass(frozen=True, slots=True)
class Effective:
    """One value as it holds for the vault. ``origin`` says in words where it comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class EffectiveMode:
    """The mode of one rule. ``exempt_until`` (UTC) is set where an exemption silences it for the whole vault."""

    rule: str
    name: str
    mode: Mode
    origin: str
    exempt_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DesignatedZone:
    """A private DNS zone that the policy designates. ``network`` None stands for every network not named."""

    network: ArmId | None
    zone: ArmId
    writer: str
    link_resolution_policy: str


@dataclass(frozen=True, slots=True)
class NamedExemption:
    """An exemption whose scope has to do with the vault, and whether it still silences anything."""

    exemption: Exemption
    in_force: bool


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """Everything that the policy says about one vault. ``unusable`` is why it could not be used, else empty."""

    vault: ArmId
    unusable: str
    profile: Effective
    modes: tuple[EffectiveMode, ...]
    values: tuple[Effective, ...]
    zones: tuple[DesignatedZone, ...]
    exemptions: tuple[NamedExemption, ...]
