"""The questions that a newcomer asks first, as commands against a running world: explain, resolve, peers."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.story.azure import WITNESS
from tools.story.checks import Verdict
from tools.story.scenario import Network, Scenario, Vault
from tools.story.world import World

_PROJECT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """A command with the environment that it needs, and the exit code that it ends with when all is well."""

    title: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    expected: int = 0

    @property
    def command(self) -> str:
        """What a person types, in the project's folder."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        return shlex.join(["env", *settings, sys.executable, "-m", "cli", *self.arguments])

    def ask(self) -> tuple[str, Verdict]:
        """Run the command; what it printed, and whether it ended as expected."""
        ran = subprocess.run(
            [sys.executable, "-m", "cli", *self.arguments],
            cwd=_PROJECT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said = f"`kvguard {self.arguments[0]}` answers with exit code {self.expected}"
        return (ran.stdout or ran.stderr).rstrip(), Verdict(ran.returncode == self.expected, said, str(ran.returncode))


def questions(world: World, scenario: Scenario) -> tuple[Question, ...]:
    """The questions about the first vault of the story, asked from outside and from the first network of its act."""
    act = scenario.acts[0]
    vault = next(step.name for step in act.steps if isinstance(step, Vault))
    network = next((step.name for step in act.steps if isinstance(step, Network)), "")
    group = f"/subscriptions/{scenario.subscription}/resourceGroups/{act.group}"
    home = f"{group}/providers/Microsoft.Network/virtualNetworks/{network}"
    name = f"{scenario.subscription}/{act.group}/{vault}"
    environment = {
        **world.azure.environment(WITNESS),
        "NO_PROXY": "127.0.0.1",
        "KVGUARD_CLOUD": "custom",
        "KVGUARD_ARM_ENDPOINT": world.azure.url,
        "KVGUARD_SUBSCRIPTIONS": scenario.subscription,
    }
    outside = ("explain", name, "--from", "internet", "--address", "203.0.113.7")
    resolve = Question("what does the name resolve to?", ("resolve", name, "--network", home), environment)
    return (
        Question("would somebody on the internet get in?", outside, environment, expected=1),
        *((resolve,) if network else ()),
        Question("what would other tools say?", ("peers", name), environment),
    )
