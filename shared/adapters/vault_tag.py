"""The one thing that a vault itself may say about its policy: its tag ``kvguard-profile``."""

from __future__ import annotations

from typing import Final

from azure.core.credentials import TokenCredential

from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_parts import Parts, attempt
from shared.adapters.arm_topology import Topology
from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud
from shared.domain.policy import PROFILE_TAG
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.service.ports import Clock

_SECONDS: Final = 20.0


class VaultTag:
    """Reads the tag of a vault; nothing is connected to before the first reading."""

    def __init__(self, cloud: Cloud, credential: TokenCredential, clock: Clock) -> None:
        self._cloud = cloud
        self._credential = credential
        self._clock = clock

    def read(self, vault: ArmId) -> str | Unread | None:
        """The tag's value, None without the tag, Unread where the vault could not be read or does not exist."""
        client = ArmClient(self._cloud, self._credential, self._clock)
        parts = Parts(client, Topology(self._clock), self._clock.deadline(_SECONDS), fresh=True)
        found = attempt(lambda: parts.vault(vault))
        if isinstance(found, Gone):
            return Unread(UnreadReason.UNAVAILABLE, "there is no such vault")
        return found if isinstance(found, Unread) else found.settings.tag(PROFILE_TAG)
