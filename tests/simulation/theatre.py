"""The story of ``make demo``, played in a simulated world: the same acts, the same witness, the same judge.

The local Azure runs at Azure's own pace here, and the policy's seconds are a hundred times those of the demo, where the
local Azure runs a hundred times as fast.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from emulator.arm.events import ArmEvent
from emulator.eventgrid.envelope import event_grid_event
from shared.adapters.clock import SystemClock
from shared.adapters.policy_file import PolicyFile
from shared.adapters.queues import FINDINGS, RECONCILE, RECONCILE_POISON
from shared.domain.clouds import CLOUDS
from shared.domain.policy import Policy, Timing
from shared.rules.registry import RULES
from tests.simulation.wire import ORIGIN, answer_of, raw_request
from tests.simulation.world import GUARD, SUBSCRIPTION, TENANT, World
from tools.story.azure import WITNESS, Json, LocalAzure, Request
from tools.story.checks import Verdict
from tools.story.player import Played, Player
from tools.story.scenario import Mode, Scenario, load
from tools.story.storage import Finding
from tools.story.timeline import Timeline

PACE: Final = 100.0
_PATIENCE: Final = 60.0
_IDENTITY: Final = "/msi/token"
_OPERATIONS: Final = ("microsoft.keyvault/vaults/", "microsoft.network/private", "microsoft.network/virtualnetworks/")
_SUCCESS: Final = ("ResourceWriteSuccess", "ResourceDeleteSuccess", "ResourceActionSuccess")


class _Wire(BaseAdapter):
    """Carries the requests of the story's people and its witness to Resource Manager; they meet no trouble."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """One request."""
        url = str(request.url)
        if urlsplit(url).path == _IDENTITY:
            query = dict(parse_qsl(urlsplit(url).query))
            asked = {name.lower(): str(value) for name, value in request.headers.items()}
            status, body = self._world.identities.answer(query, asked)
            answer = requests.Response()
            answer.status_code, answer.raw = status, io.BytesIO(json.dumps(body).encode())
            return answer
        sent: Any = request.body or b""
        headers = {str(name): str(value) for name, value in request.headers.items()}
        raw = raw_request(str(request.method), url, headers, sent.encode() if isinstance(sent, str) else bytes(sent))
        self._world.arm.settle()
        return answer_of(self._world.arm.handle(raw), url)

    def close(self) -> None:
        """Nothing is open."""


class VirtualAzure(LocalAzure):
    """The story's client of the local Azure, which is in this process; control routes are answered here."""

    def __init__(self, world: World, people: Iterable[str]) -> None:
        self._world = world
        self._published: list[Json] = []
        self._deliveries: list[Json] = []
        self._seen: dict[int, int] = {}
        self._requests: dict[int, Request] = {}
        world.arm.world.events.subscribe(self._note)
        for name in (GUARD, WITNESS, *people):
            world.identities.named(name)
        secrets = {who.principal.name: {"identity_header": who.secret} for who in world.identities.all()}
        super().__init__(
            {
                "arm": ORIGIN,
                "ca": "",
                "tenant": TENANT,
                "identity_endpoint": f"{ORIGIN}{_IDENTITY}",
                "control_header": "X-Emulator-Control",
                "control_secret": "",
                "principals": secrets,
            },
            self._open,
        )

    def log(self, since: int = 0) -> list[Request]:
        """The request log after a number, the witness's own reads left out; each entry is converted once."""
        found = []
        for entry in self._world.arm.log.since(since):
            if entry.caller is None or entry.caller.name != WITNESS:
                if entry.seq not in self._requests:
                    self._requests[entry.seq] = Request.from_json(entry.as_json())
                found.append(self._requests[entry.seq])
        return found

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """What the control route of that path answers."""
        route, _, query = path.partition("?")
        since = int(dict(parse_qsl(query)).get("since", "0"))
        match route.removeprefix("/_emulator/"):
            case "state":
                return {"pending": self._world.arm.clock.pending}
            case "eventgrid/subscriptions":
                types = [f"Microsoft.Resources.{name}" for name in _SUCCESS]
                return [{"operations": list(_OPERATIONS), "eventTypes": types}]
            case "eventgrid/published":
                return self._published
            case "eventgrid/deliveries":
                self._collect()
                return self._deliveries[since:]
        raise ValueError(path)

    def _arm(self, method: str, url: str) -> requests.Response:
        """The witness sees what is, however old the state is that Azure shows to others."""
        switches = self._world.arm.world.switches
        lags = {name: value for name, value in vars(switches).items() if name.endswith("_lag")}
        try:
            vars(switches).update(dict.fromkeys(lags, 0.0))
            return super()._arm(method, url)
        finally:
            vars(switches).update(lags)

    def _open(self) -> requests.Session:
        session = requests.Session()
        session.adapters.clear()
        session.mount("https://", _Wire(self._world))
        return session

    def _note(self, event: ArmEvent) -> None:
        self._published.append({**event_grid_event(event), "id": str(len(self._published))})

    def _collect(self) -> None:
        """One delivery an event: what comes twice is no more than what was to come."""
        for number, fate in enumerate(self._world.grid.fates):
            if fate.delivered and number not in self._seen:
                self._seen[number] = len(self._deliveries) + 1
                self._deliveries.append(
                    {
                        "sequence": self._seen[number],
                        "time": fate.delivered[0].isoformat(),
                        "eventId": str(number),
                        "outcome": "Delivered",
                    }
                )


@dataclass
class VirtualStorage:
    """The app's storage account as the witness sees it."""

    world: World
    findings: list[Finding] = field(default_factory=list)

    def waiting(self) -> int:
        """How many messages are on ``kvguard-reconcile``: visible, delayed and being worked on."""
        return len(self.world.queues[RECONCILE].messages)

    def collect(self) -> list[Finding]:
        """The findings that came since the last call."""
        queue = self.world.queues[FINDINGS].messages
        fresh = [Finding(self.world.timeline.now, json.loads(queue.pop(number).text)) for number in sorted(queue)]
        self.findings += fresh
        return fresh

    def reasons(self) -> Mapping[str, str]:
        """The timeline is not read by anybody here."""
        return {}


class Theatre:
    """One world of the story."""

    def __init__(self, world: World, mode: Mode, scenario: Scenario) -> None:
        self.mode = mode
        self.azure: LocalAzure = VirtualAzure(world, scenario.people)
        self.storage = VirtualStorage(world)
        self.app_output = "(a simulation has no output)"
        self._world = world

    def audit(self, vault: str) -> Json | None:
        """Nobody reads the timeline here."""
        return None

    def seconds(self) -> float:
        """The time in this world, in the demo's seconds."""
        return self._world.timeline.seconds / PACE

    def pause(self, seconds: float) -> None:
        """Let so many of the demo's seconds pass."""
        self._world.run(seconds * PACE)


def at_azures_pace(policy: Policy) -> Policy:
    """The demo's policy with its seconds as long as they would be in Azure."""
    timing = policy.timing
    changed = {name.name: getattr(timing, name.name) for name in fields(Timing)}
    for name in ("settle", "max_settle", "consistency", "dead_connection_age"):
        changed[name] = changed[name] * PACE
    return replace(policy, timing=Timing(**changed))


def story_policy() -> tuple[Scenario, Policy]:
    """The bundled story and its policy."""
    scenario, path = load("story")
    cloud, watched = CLOUDS["AzureCloud"], frozenset({SUBSCRIPTION})
    policy = PolicyFile(str(Path(path)), cloud, watched, RULES, None, SystemClock()).policy()  # type: ignore[arg-type]  # a file needs no blobs
    assert not policy.unusable
    return scenario, at_azures_pace(policy)


@contextmanager
def stage(seed: int, mode: Mode, prepare: Callable[[World], None]) -> Iterator[tuple[World, Player, Scenario]]:
    """A world with its workers, and a player who has the story at hand."""
    scenario, policy = story_policy()
    with World(seed, policy, enforce=mode is Mode.ENFORCE) as world:
        prepare(world)
        theatre = Theatre(world, mode, scenario)
        world.arm.world.access.grant(GUARD, tuple(scenario.rights), "/")
        world.start()
        yield world, Player(theatre, scenario, Timeline(io.StringIO()), _PATIENCE), scenario


def play(seed: int, prepare: Callable[[World], None], *, observe: bool) -> list[str]:
    """Play the story in ``enforce`` and, if wanted, again in ``observe``. Returns what is not as it should be."""
    with stage(seed, Mode.ENFORCE, prepare) as (world, player, scenario):
        enforced = [player.play(act) for act in scenario.acts]
        wrong = [*_wrong(enforced), *_left(world)]
    if not observe:
        return wrong
    with stage(seed, Mode.OBSERVE, prepare) as (world, player, scenario):
        observed = [player.play(act, before) for act, before in zip(scenario.acts, enforced, strict=True)]
        return [*wrong, *_wrong(observed), *_left(world)]


def _wrong(acts: Iterable[Played]) -> list[str]:
    return [
        f"{played.mode.value}, act {played.act.key}: {_told(verdict)}"
        for played in acts
        for verdict in played.verdicts
        if not verdict.ok
    ]


def _told(verdict: Verdict) -> str:
    return f"{verdict.expected}; seen: {verdict.seen[:600]}"


def _left(world: World) -> list[str]:
    """What went wrong in the app, which the acts may have survived."""
    given_up = [message.text for message in world.queues[RECONCILE_POISON].messages.values()]
    return [f"raised: {error!r}" for error in world.raised] + [f"given up: {text}" for text in given_up]
