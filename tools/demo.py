"""``make demo``: plays the story on the local Azure and ends non-zero when anything is not as it should be.

On a terminal it then stays up, so that one can look around; otherwise it ends. What was started is ended with it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NoReturn

from tools.story.checks import Verdict, performed, proposals
from tools.story.deploy import DeploymentFailed
from tools.story.page import PageServer, render
from tools.story.player import Played, Player
from tools.story.questions import questions
from tools.story.scenario import Mode, Scenario, ScenarioError, Vault, load
from tools.story.timeline import Timeline
from tools.story.world import StartFailed, World


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a scenario. 0: everything confirmed; 1: something not; 2: it could not be played."""
    options = _arguments(arguments)
    # The app gets its settings here and nowhere else.
    for name in [name for name in os.environ if name.startswith(("KVGUARD_", "KvGuard")) or name == "AZURE_CLIENT_ID"]:
        del os.environ[name]
    # Every server is on the loopback; a proxy of this machine's would not find it.
    os.environ["NO_PROXY"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
    signal.signal(signal.SIGTERM, _interrupted)
    # A shell starts what it puts into the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timeline = Timeline()
    try:
        scenario, policy = load(options.scenario)
        with ExitStack() as worlds:
            return _Story(scenario, policy, timeline, worlds, options).run()
    except (ScenarioError, StartFailed, DeploymentFailed) as error:
        timeline.say(f"The story cannot go on: {error}", "bold red")
        return 2
    except KeyboardInterrupt:
        timeline.say("Stopped; everything that was started has been ended.")
        return 130


class _Story:
    """One run of the program."""

    def __init__(
        self,
        scenario: Scenario,
        policy: Path,
        timeline: Timeline,
        worlds: ExitStack,
        options: argparse.Namespace,
    ) -> None:
        self._scenario = scenario
        self._policy = policy
        self._timeline = timeline
        self._worlds = worlds
        self._json: Path | None = options.json
        self._evidence: Path | None = options.evidence
        self._keep_up: bool = options.keep_up
        self._switches: list[str] = options.switch
        self._html: Path | None = options.html
        self._patience: float = options.patience

    def run(self) -> int:
        self._timeline.say(f"kvguard on the local Azure: {self._scenario.title}", "bold")
        self._timeline.say("Everything runs on this machine; nothing of it reaches Azure. Starting:")
        enforce = self._worlds.enter_context(self._world(Mode.ENFORCE))
        player = Player(enforce, self._scenario, self._timeline, self._patience)
        acted = [self._act(player, position) for position in range(len(self._scenario.acts))]
        self._keep(enforce, Mode.ENFORCE)
        played, ends = acted, [_healthy(enforce), *self._ask(enforce)]
        if all(act.confirmed for act in acted):
            observed, agreement = self._observe(acted)
            played, ends = [*acted, *observed], [*ends, *agreement]
        else:
            ends.append(Verdict(False, "observe proposes what enforce did", "left out, since enforce is not confirmed"))
        ok = all(act.confirmed for act in played) and all(end.ok for end in ends)
        self._timeline.heading("The end")
        for act in played:
            self._timeline.verdict(
                act.confirmed, f"{act.mode.value:<8} act {act.act.key}: {act.act.title}", "see above"
            )
        for end in ends:
            self._timeline.verdict(end.ok, end.expected, end.seen)
        self._timeline.say(f"{'Every step is confirmed' if ok else 'NOT confirmed'}, {self._timeline.seconds:.0f} s.")
        if self._json is not None:
            self._json.write_text(json.dumps(_result(played, ends, ok), indent=2), encoding="utf-8")
        if self._html is not None:
            self._html.write_text(self._page(), encoding="utf-8")
        enforce.storage.give_back()
        if self._keep_up:
            self._stay(enforce)
        return 0 if ok else 1

    def _page(self) -> str:
        return render(self._scenario.title, self._timeline.parts)

    def _act(self, player: Player, position: int) -> Played:
        act = self._scenario.acts[position]
        self._timeline.heading(f"Act {act.key}: {act.title}", act.why)
        return player.play(act)

    def _ask(self, world: World) -> list[Verdict]:
        """The questions of a newcomer, asked at the terminal."""
        self._timeline.heading(
            "Ask it yourself", "What the terminal answers about the first vault, from the live state."
        )
        found = []
        for question in questions(world, self._scenario):
            self._timeline.say(f"\nkvguard {' '.join(question.arguments)}", "bold")
            output, verdict = question.ask()
            self._timeline.say(output)
            found.append(verdict)
        return found

    def _observe(self, acted: list[Played]) -> tuple[list[Played], list[Verdict]]:
        """Everything again in a fresh world where the app may only look: the same plan, and no write."""
        self._timeline.heading(
            "Act g: everything again, in observe",
            "The mode that everybody starts with: kvguard says what it would do, and does none of it.",
        )
        with self._world(Mode.OBSERVE) as world:
            player = Player(world, self._scenario, self._timeline, self._patience)
            played = []
            for before in acted:
                self._timeline.heading(f"Act g, {before.act.key} again: {before.act.title}")
                played.append(player.play(before.act, before))
            player.witness.sync()
            self._keep(world, Mode.OBSERVE)
            wanted = performed(entry for act in acted for entry in act.writes)
            found = proposals(player.witness.findings)
            writes = player.witness.writes()
            healthy = _healthy(world)
        expected = (
            f"observe: no write, and its {len(found)} proposals are the {len(wanted)} changes of enforce, by name"
        )
        seen = f"{len(writes)} writes; not proposed: {sorted(wanted - found)}; only proposed: {sorted(found - wanted)}"
        return played, [Verdict(not writes and wanted == found, expected, seen), healthy]

    def _world(self, mode: Mode) -> World:
        say = self._timeline.say
        return World(self._scenario, self._policy, mode, lambda what: say(f"  - {what}"), self._switches)

    def _keep(self, world: World, mode: Mode) -> None:
        """Write the raw request log where somebody else can judge it."""
        if self._evidence is not None:
            self._evidence.mkdir(parents=True, exist_ok=True)
            log = json.dumps(world.azure.raw_log(), indent=1)
            (self._evidence / f"requests-{mode.value}.json").write_text(log, encoding="utf-8")
            bodies = json.dumps([dict(finding.body) for finding in world.storage.findings], indent=1)
            (self._evidence / f"findings-{mode.value}.json").write_text(bodies, encoding="utf-8")

    def _stay(self, world: World) -> None:
        """Show where to look, and wait for Ctrl-C."""
        app, azure = world.app, world.azure
        act = self._scenario.acts[0]
        vault = next(step.name for step in act.steps if isinstance(step, Vault))
        path = f"vaults/{self._scenario.subscription}/{act.group}/{vault}"
        [(header, secret)] = azure.control_headers.items()
        self._timeline.heading("Still running; look around, and press Ctrl-C when you are done")
        for title, command in (
            ("the app's verdict on a vault", f"curl -H 'x-functions-key: {app.function_key}' {app.url}/api/{path}"),
            ("is the app well, as anybody may ask", f"curl {app.url}/api/health"),
            (
                "is the app well, dependency by dependency",
                f"curl -H 'x-kvguard-health-key: {app.health_key}' {app.url}/api/health",
            ),
            ("what ran in the app", f"curl {app.url}/_emulator/invocations"),
            (
                "what is in the local Azure",
                f"curl --cacert {azure.ca} -H '{header}: {secret}' {azure.url}/_emulator/state",
            ),
            ("who asked Azure for what", f"curl --cacert {azure.ca} -H '{header}: {secret}' {azure.url}/_emulator/log"),
            (
                "the findings that wait for people",
                f"{sys.executable} -m tools.story.peek '{world.connection}'",
            ),
            (
                "the work that the app gave up",
                f"env KvGuardStorage='{world.connection}' {sys.executable} -m cli replay",
            ),
            *((question.title, question.command) for question in questions(world, self._scenario)),
        ):
            self._timeline.say(f"\n{title}:", "bold")
            # Not wrapped, so that it can be copied.
            print(f"  {command}", flush=True)
        self._timeline.say("\nNext: docs/policy.md says what kvguard may do; docs/rules/ says what it looks for.")
        with PageServer(self._page()) as page:
            self._timeline.say(f"\nThe story as a page: {page.url}", "bold")
            with suppress(KeyboardInterrupt):
                signal.pause()
        self._timeline.say("Stopped; everything that was started is being ended.")


def _healthy(world: World) -> Verdict:
    """That nothing went wrong inside the app, which the acts may have survived."""
    failures = world.failures
    expected = f"{world.mode.value}: no invocation failed, nothing was given up"
    return Verdict(not failures, expected, "; ".join(failures[:5]) or "none")


def _result(played: list[Played], ends: list[Verdict], ok: bool) -> dict[str, object]:
    last = [{"ok": end.ok, "expected": end.expected, "seen": end.seen} for end in ends]
    return {"confirmed": ok, "acts": [act.as_json() for act in played], "ends": last}


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description="Play the story of kvguard.")
    parser.add_argument("--scenario", default="story", help="a bundled scenario or a YAML file (default: %(default)s)")
    parser.add_argument(
        "--keep-up", action=argparse.BooleanOptionalAction, default=on_terminal, help="stay up after the story"
    )
    parser.add_argument(
        "--patience", type=float, default=30.0, metavar="SECONDS", help="wait this long for each expectation"
    )
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="a behaviour of Azure; may be repeated"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the story as one web page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts to a file")
    parser.add_argument("--evidence", type=Path, metavar="DIR", help="write request logs and findings to a folder")
    return parser.parse_args(arguments)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
