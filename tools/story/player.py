"""Plays the acts of a scenario in one world and collects the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tools.story import scenario as story
from tools.story.azure import GUARD, Request
from tools.story.checks import Checks, Verdict, excerpt
from tools.story.deploy import Deployer
from tools.story.dns import look_up
from tools.story.scenario import Act, Expectation, Mode, Scenario
from tools.story.stage import Stage
from tools.story.timeline import Timeline
from tools.story.witness import Witness

_PAUSE: Final = 0.2
_LAG: Final = 0.3
# What holds whether kvguard may write or not; everything else describes what its writes lead to.
_IN_BOTH_MODES: Final = (story.Unchanged, story.Message, story.Silence, story.LookedTooEarly)


@dataclass
class Played:
    """One act as it went. ``writes`` are kvguard's, from the request log."""

    act: Act
    mode: Mode
    verdicts: list[Verdict] = field(default_factory=list)
    writes: list[Request] = field(default_factory=list)

    @property
    def confirmed(self) -> bool:
        """Whether everything expected is the case."""
        return bool(self.verdicts) and all(verdict.ok for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """The act for a machine."""
        return {
            "act": self.act.key,
            "mode": self.mode.value,
            "title": self.act.title,
            "confirmed": self.confirmed,
            "expectations": [{"ok": v.ok, "expected": v.expected, "seen": v.seen} for v in self.verdicts],
        }


class Player:
    """Plays acts one after another in one world. ``patience`` is how many seconds each expectation is waited for."""

    def __init__(self, world: Stage, scenario: Scenario, timeline: Timeline, patience: float) -> None:
        self._patience = patience
        self._world = world
        self._scenario = scenario
        self._timeline = timeline
        self.witness = Witness(world, scenario, timeline)
        self._deployer = Deployer(world, scenario, self.witness.sync)

    def play(self, act: Act, enforced: Played | None = None) -> Played:
        """Play one act. ``enforced`` is the same act as it went in ``enforce``, when this world only observes.

        Raises DeploymentFailed when the act cannot even be set up.
        """
        self.witness.sync()
        played = Played(act, self._world.mode)
        checks = Checks(self._world, self._scenario, self.witness, act, self.witness.mark)
        mark = self.witness.mark
        for step in act.steps:
            self._step(act, step, checks, played)
        # Azure's reads may lag a write; what must not change is remembered as it is, not as it was.
        self._world.pause(_LAG)
        checks.remember()
        expectations = act.expect if enforced is None else [e for e in act.expect if isinstance(e, _IN_BOTH_MODES)]
        self._await(expectations, checks, enforced)
        rest = self._rest()
        if enforced is not None:
            self._record(played, checks.no_write())
            self._record(played, checks.same_plan(enforced.writes))
        for expectation in expectations:
            self._judge(act, expectation, checks, played)
        if not rest.ok:
            self._record(played, rest)
        played.writes = self.witness.writes(mark)
        if not played.confirmed:
            log = [entry for entry in self.witness.since(mark) if entry.caller == GUARD]
            self._timeline.say(f"   kvguard's last requests:\n{excerpt(log)}\n   the app's last words:")
            self._timeline.say(self._world.app_output)
        return played

    def _step(self, act: Act, step: story.Step, checks: Checks, played: Played) -> None:
        self.witness.explain(step.by or act.by, step.why)
        self._deployer.carry_out(act, step)
        self.witness.sync()
        group = step.group or act.group
        match step:
            case story.AskDns():
                vault, network = _in(act, step.vault, "vaults"), _in(act, step.network, "networks")
                self._until(lambda: checks.resolves(vault, network, step.answer).ok)
                self._show(act, vault, network, step.why)
                self._record(played, checks.resolves(vault, network, step.answer))
            case story.WaitForLook():
                self._until(lambda: checks.looked(step.resource) is not None)
                looked = checks.looked(step.resource)
                if looked is not None:
                    why = "an event told it to look; what it finds once, it does not act on"
                    asked = f"looks for {step.resource}: not there yet"
                    self._timeline.event(looked.at, GUARD, asked, why)
            case story.ZoneGroup():
                self._show_records(group, step)
            case _:
                pass

    def _await(self, expectations: Sequence[Expectation], checks: Checks, enforced: Played | None) -> None:
        """Give everything expected the time to happen."""
        for expectation in expectations:
            self._until(partial(_met, checks, expectation))
        if enforced is not None:
            self._until(lambda: checks.same_plan(enforced.writes).ok)

    def _rest(self) -> Verdict:
        """Wait until nothing is under way any more: only then does "no write" mean something."""
        calm = 0

        def resting() -> bool:
            nonlocal calm
            calm = calm + 1 if not self.witness.unrest() else 0
            return calm >= 2

        done = self._until(resting)
        return Verdict(done, "everything comes to rest", "" if done else self.witness.unrest())

    def _until(self, true: Callable[[], bool]) -> bool:
        deadline = self._world.seconds() + self._patience
        while True:
            self.witness.sync()
            if true():
                return True
            if self._world.seconds() > deadline:
                return False
            self._world.pause(_PAUSE)

    def _judge(self, act: Act, expectation: Expectation, checks: Checks, played: Played) -> None:
        if isinstance(expectation, story.Resolves):
            self._show(act, expectation.vault, expectation.network, "after")
        self._record(played, checks.judge(expectation))

    def _record(self, played: Played, verdict: Verdict) -> None:
        played.verdicts.append(verdict)
        self._timeline.verdict(verdict.ok, verdict.expected, verdict.seen)

    def _show(self, act: Act, vault: str, network: str, why: str) -> None:
        """What ``host`` prints for the vault's name in the network, in kvguard's words where it has any."""
        vault_id, network_id = self._scenario.id(act.group, vault), self._scenario.id(act.group, network)
        lines = self._app_says(vault_id, network_id)
        if not lines:
            lines = look_up(self._world.azure, self._scenario.subscription, vault_id, network_id).lines
        where = f"{vault_id.rsplit('/', 1)[-1]} in {network_id.rsplit('/', 1)[-1]} prints ({why}):"
        self._timeline.say(f"             $ host {where}")
        for line in lines:
            self._timeline.say(f"               {line}", "magenta")

    def _app_says(self, vault: str, network: str) -> tuple[str, ...]:
        """The chain of answers in the app's own audit of the vault: shown, never judged."""
        audit = self._world.audit(vault)
        if audit is None:
            return ("(the app has no audit to give)",)
        for answer in audit["answers"]:
            if str(answer["network"]).casefold() == network.casefold():
                return tuple(str(line) for line in answer["chain"])
        return ()

    def _show_records(self, group: str, step: story.ZoneGroup) -> None:
        """The records that Azure wrote for a zone group; no request log has them, because nobody asked for each."""
        endpoint = self._scenario.id(group, f"endpoints/{step.endpoint}")
        body = self._world.azure.read(f"{endpoint}/privateDnsZoneGroups/default")
        for config in [] if body is None else body["properties"]["privateDnsZoneConfigs"]:
            for made in config["properties"]["recordSets"]:
                record = self._world.azure.read(f"{config['properties']['privateDnsZoneId']}/A/{made['recordSetName']}")
                if record is not None:
                    creator = record["properties"]["metadata"]["creator"]
                    what = f"writes A record {made['recordSetName']}, TTL {record['properties']['ttl']} s"
                    self._timeline.event(self._timeline.now, "Azure", what, creator)


def _met(checks: Checks, expectation: Expectation) -> bool:
    return checks.judge(expectation).ok


def _in(act: Act, name: str, kind: str) -> str:
    """A reference; a step may name what lies in its own group by the bare name."""
    return name if "/" in name else f"{act.group}/{kind}/{name}"
