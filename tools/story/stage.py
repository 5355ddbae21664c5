"""What the story needs from the world that it is played in, be it processes on this machine or a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tools.story.azure import Json, LocalAzure
from tools.story.scenario import Mode
from tools.story.storage import Finding


class StageStorage(Protocol):
    """The app's storage account, as its queues and its journal show it."""

    findings: list[Finding]

    def waiting(self) -> int:
        """How many messages are on ``kvguard-reconcile``: visible, delayed and being worked on."""

    def collect(self) -> list[Finding]:
        """The findings that came since the last call."""

    def reasons(self) -> Mapping[str, str]:
        """Target, in lower case, to the finding that kvguard's latest intent to change it names as its reason."""


class Stage(Protocol):
    """One world of the story."""

    @property
    def mode(self) -> Mode:
        """What the app may do here."""

    @property
    def azure(self) -> LocalAzure:
        """The local Azure of this world."""

    @property
    def storage(self) -> StageStorage:
        """The app's storage account."""

    @property
    def app_output(self) -> str:
        """The last lines that the app printed."""

    def audit(self, vault: str) -> Json | None:
        """The app's own audit of a vault; None when it has none to give."""

    def seconds(self) -> float:
        """The time in this world, for measuring how long something takes."""

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass in this world."""
