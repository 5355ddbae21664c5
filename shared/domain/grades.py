"""Closed scales: how bad a finding is, how dangerous its repair, how far policy lets a rule go."""

from __future__ import annotations

from enum import Enum, IntEnum


class Severity(IntEnum):
    """How bad a finding is. Independent of how dangerous its repair is."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def raised(self) -> Severity:
        """One grade higher, at most CRITICAL."""
        return Severity(min(self + 1, Severity.CRITICAL))


class Applicability(IntEnum):
    """How a change may come about: never by kvguard, by a person's decision, or by itself."""

    MANUAL = 0
    APPROVAL = 1
    SAFE = 2


class Mode(Enum):
    """What policy lets one rule do. Ordered by power: off, audit, approve, fix."""

    OFF = "off"
    AUDIT = "audit"
    APPROVE = "approve"
    FIX = "fix"

    @property
    def cap(self) -> Applicability:
        """The highest applicability that this mode lets through."""
        return {Mode.APPROVE: Applicability.APPROVAL, Mode.FIX: Applicability.SAFE}.get(self, Applicability.MANUAL)


class Profile(Enum):
    """What a vault is for, which decides what counts as exposure and what as its way in."""

    PRIVATE = "private"
    HYBRID = "hybrid"
    SELF_HOSTED_PIPELINE = "self-hosted-pipeline"
    SAAS_PIPELINE = "saas-pipeline"
    PARTNER = "partner"
    TRUSTED_SERVICES = "trusted-services"
    PUBLIC = "public"

    @property
    def needs_private_path(self) -> bool:
        """Whether a vault of this profile is meant to be reached through a private endpoint."""
        return self in (Profile.PRIVATE, Profile.HYBRID, Profile.SELF_HOSTED_PIPELINE, Profile.PARTNER)


class Writer(Enum):
    """Who maintains the records and links of a private DNS zone. kvguard writes by itself only in its own."""

    KVGUARD = "kvguard"
    ZONE_GROUP = "zone-group"
    AZURE_POLICY = "azure-policy"
    TERRAFORM = "terraform"
    OTHER = "other"


class TrustedServices(Enum):
    """What policy wants of the firewall's bypass for Azure's trusted services."""

    REQUIRE = "require"
    FORBID = "forbid"
    IGNORE = "ignore"


class DnsMode(Enum):
    """Who is meant to write the records of private endpoints: their zone groups, or something outside Azure."""

    ZONE_GROUP = "zone-group"
    EXTERNAL = "external"


class ClientRole(Enum):
    """What the clients of a network need: the vault's data, its management through ARM, or both."""

    DATA = "data"
    MANAGEMENT = "management"
    BOTH = "both"
