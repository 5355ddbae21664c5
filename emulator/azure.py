"""The local Azure as one server: Resource Manager, the identity endpoint and Event Grid over TLS on a loopback port.

`python -m emulator.azure --state DIR` runs it as a process; `LocalAzure` runs it inside a test.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

from emulator import tls
from emulator.arm.access import Principal
from emulator.arm.clock import Clock
from emulator.arm.control import Control
from emulator.arm.faults import Faults
from emulator.arm.identity import LIFETIME_SECONDS, Identities
from emulator.arm.log import RequestLog
from emulator.arm.messages import ArmResponse
from emulator.arm.policy_remediation import DELAY_SECONDS, PolicyRemediation
from emulator.arm.records import write_internal
from emulator.arm.resources import Zone
from emulator.arm.restrictions import Restrictions
from emulator.arm.service import ArmService
from emulator.arm.store import Store
from emulator.arm.switches import Switches
from emulator.arm.web import CuttableProtocol, create_app
from emulator.eventgrid import Disorder, EventGrid

TENANT = "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
OPERATOR = "operator"
STARTUP_SECONDS = 10.0


class LocalCredential:
    """A token credential for tests: tokens of one principal, for the audience of the scope asked for."""

    def __init__(self, identities: Identities, principal: Principal) -> None:
        self._identities = identities
        self._principal = principal

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token for the first scope."""
        return AccessToken(*self._issue(scopes[0]))

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token for the first scope."""
        return AccessTokenInfo(*self._issue(scopes[0]))

    def _issue(self, scope: str) -> tuple[str, int]:
        audience = scope.removesuffix(".default").rstrip("/")
        token = self._identities.token(self._principal, audience)
        return token, int(time.time()) + LIFETIME_SECONDS


class _Server(uvicorn.Server):
    """uvicorn, told to end instead of looking for it ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._end.wait()

    def end(self) -> None:
        """Stop serving; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)


class LocalAzure:
    """The local Azure in this process, served by a thread; a context manager.

    `scale` is real seconds per second of Azure (0: operations finish at the next look); `directory` gets the
    certificates, a temporary one without it. Subscriptions exist from the start, resource groups do not.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int = 0,
        scale: float = 0.02,
        clock: Clock | None = None,
        tenant: str = TENANT,
        subscriptions: Iterable[str] = (SUBSCRIPTION,),
        disorder: Disorder | None = None,
    ) -> None:
        self._cleanup = contextlib.ExitStack()
        if directory is None:
            directory = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="local-azure-")))
        self._files = tls.create(directory)
        # Named, since asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it an answer takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"
        self.tenant = tenant
        self.control_secret = secrets.token_urlsafe(24)
        clock = clock or Clock(scale)
        self.faults = Faults(clock.azure_seconds)
        self.identities = Identities(
            tenant, f"{self.url}/{tenant}", extra_audience=self.url, now=lambda: clock.now().timestamp()
        )
        self.service = ArmService(clock, self.identities, tenant)
        for number, subscription in enumerate(subscriptions, 1):
            self.store.add_subscription(subscription, f"Subscription {number}")
        self.operator = self.identities.add(Principal.named(OPERATOR, person=True)).principal
        self.grid = EventGrid(scale=self.clock.scale, disorder=disorder)
        self.service.world.events.subscribe(self.grid.publish_arm)
        control = Control(self.service, self.faults, self.control_secret, self.env_for)
        app = create_app(self.service, self.faults, control, list(self.grid.routes()))
        self._server = _Server(
            uvicorn.Config(
                app,
                http=CuttableProtocol,
                ws="none",
                lifespan="on",
                log_level="error",
                access_log=False,
                date_header=False,
                server_header=False,
                ssl_certfile=str(self._files.certificate),
                ssl_keyfile=str(self._files.key),
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._run, name="local-azure", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def start(self) -> Self:
        """Serve. Raises RuntimeError when the server does not come up."""
        self.grid.start()
        self._thread.start()
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the local Azure did not start")
            time.sleep(0.005)
        return self

    def close(self) -> None:
        """Stop serving."""
        if self._thread.is_alive():
            self._server.end()
            self._thread.join(STARTUP_SECONDS)
        self._socket.close()
        self.grid.close()
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ca_path(self) -> Path:
        """The authority's certificate, for REQUESTS_CA_BUNDLE or `connection_verify`."""
        return self._files.ca

    @property
    def log(self) -> RequestLog:
        """What was asked of Resource Manager."""
        return self.service.log

    @property
    def store(self) -> Store:
        """The resources."""
        return self.service.world.store

    @property
    def switches(self) -> Switches:
        """Behaviour that can be changed."""
        return self.service.world.switches

    @property
    def restrictions(self) -> Restrictions:
        """Locks, denials by Azure Policy, and deny assignments."""
        return self.service.world.restrictions

    def policy_remediation(self, zone_id: str, delay_seconds: float = DELAY_SECONDS) -> PolicyRemediation:
        """Let Azure Policy attach a zone group with this zone to each new endpoint of a vault, so much later."""
        return PolicyRemediation(self.service, zone_id, delay_seconds)

    @property
    def clock(self) -> Clock:
        """Azure's time."""
        return self.service.clock

    def env_for(self, principal_name: str) -> dict[str, str]:
        """The environment in which azure-identity's managed identity is this principal (made if there is none)."""
        identity = self.identities.named(principal_name)
        return {
            "REQUESTS_CA_BUNDLE": str(self.ca_path),
            "IDENTITY_ENDPOINT": f"{self.url}/msi/token",
            "IDENTITY_HEADER": identity.secret,
        }

    def credential(self, principal_name: str = OPERATOR) -> LocalCredential:
        """A credential of a principal (made if there is none) for SDK clients in this process."""
        return LocalCredential(self.identities, self.identities.named(principal_name).principal)

    def deny(self, principal_name: str, action_prefix: str, scope: str = "/") -> None:
        """Take rights from a principal, at and below a scope: 403 from now on."""
        self.service.world.access.deny(principal_name, action_prefix, scope)

    def grant(
        self, principal_name: str, actions: Iterable[str], scope: str = "/", not_actions: Iterable[str] = ()
    ) -> None:
        """Give a principal only these actions, with `*` as in role definitions; grants add up."""
        self.service.world.access.grant(principal_name, tuple(actions), scope, tuple(not_actions))

    def seed(self, method: str, path: str, body: Any = None) -> ArmResponse:
        """Do a request as the operator at once: finished when it returns, no log entry, no event.

        Raises ArmError when the request is refused.
        """
        return self.service.seed(self.operator, method, path, body)

    def seed_auto_registered(self, zone_id: str, name: str, address: str) -> None:
        """An A record as auto-registration writes it for a machine. Raises KeyError for an unknown zone."""
        with self.store.lock:
            zone = self.store.find(zone_id, Zone)
            if zone is None:
                raise KeyError(zone_id)
            write_internal(self.service.world, zone, name, (address,), ttl=10, auto_registered=True)

    @contextlib.contextmanager
    def requests_ca(self) -> Iterator[None]:
        """Let clients in this process trust the server, by the environment, while the block runs."""
        before = os.environ.get("REQUESTS_CA_BUNDLE")
        os.environ["REQUESTS_CA_BUNDLE"] = str(self.ca_path)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop("REQUESTS_CA_BUNDLE", None)
            else:
                os.environ["REQUESTS_CA_BUNDLE"] = before

    def ready(self) -> dict[str, Any]:
        """What another process needs in order to use this server; its `principals` carry secrets."""
        return {
            "arm": self.url,
            "ca": str(self.ca_path),
            "identity_endpoint": f"{self.url}/msi/token",
            "tenant": self.tenant,
            "subscriptions": [item.id for item in self.store.subscriptions.values()],
            "control_header": "X-Emulator-Control",
            "control_secret": self.control_secret,
            "principals": {
                identity.principal.name: {
                    "oid": identity.principal.oid,
                    "appid": identity.principal.appid,
                    "identity_header": identity.secret,
                }
                for identity in self.identities.all()
            },
            "pid": os.getpid(),
        }


def write_ready(path: Path, content: dict[str, Any]) -> None:
    """Write the ready file so that a reader sees all of it or none, readable by its owner only."""
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(content, indent=2), encoding="utf-8")
    part.replace(path)


def print_switches() -> None:
    """One line per switch: name, default, what it does, the values it takes."""
    for switch in Switches().listing():
        choices = "" if switch["choices"] is None else f" ({', '.join(json.dumps(one) for one in switch['choices'])})"
        print(f"{switch['name']}={json.dumps(switch['default'])}  {switch['about']}{choices}")


def main() -> int:
    """Run the local Azure until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m emulator.azure", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 for any free one")
    parser.add_argument("--state", type=Path, help="directory for certificates and ready.json; required")
    parser.add_argument("--scale", type=float, default=0.02, help="real seconds per second of Azure")
    parser.add_argument("--subscription", action="append", help="a subscription id; may be repeated")
    parser.add_argument("--principal", action="append", default=[], help="a principal to make known; may be repeated")
    parser.add_argument(
        "--eventgrid",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help=f"disorder of Event Grid, of {', '.join(Disorder.__dataclass_fields__)}; may be repeated",
    )
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="behaviour of Azure; may be repeated"
    )
    parser.add_argument("--switches", action="store_true", help="list the switches and end")
    arguments = parser.parse_args()
    if arguments.switches:
        print_switches()
        return 0
    if arguments.state is None:
        parser.error("--state is required")
    try:
        for assignment in arguments.switch:
            Switches().set_text(assignment)
    except ValueError as error:
        parser.error(f"--switch: {error}")
    try:
        disorder = Disorder.parse(arguments.eventgrid)
    except ValueError as error:
        parser.error(f"--eventgrid: {error}")
    directory: Path = arguments.state.absolute()
    subscriptions = arguments.subscription or [SUBSCRIPTION]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with LocalAzure(
        directory, port=arguments.port, scale=arguments.scale, subscriptions=subscriptions, disorder=disorder
    ) as azure:
        for assignment in arguments.switch:
            azure.switches.set_text(assignment)
        for name in arguments.principal:
            azure.identities.named(name)
        write_ready(directory / "ready.json", azure.ready())
        print(f"local Azure at {azure.url}, scale {arguments.scale:g}, state in {directory}", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
