"""The local Azure as the story uses it: tokens of its principals, reads for the checks, and the control routes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import requests
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.pipeline.transport import RequestsTransport

SCOPE: Final = "https://management.azure.com/.default"
WITNESS: Final = "witness"
GUARD: Final = "kvguard"
Json = dict[str, Any]
_TIMEOUT: Final = 10.0
_API: Final = "2024-06-01"
# The random part of a connection's name, and of an interface's.
_RANDOM: Final = re.compile(r"[_.](?:nic\.)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_WRITES: Final = ("PUT", "PATCH", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Request:
    """One entry of the local Azure's request log. ``at`` is when it began; ``preconditions`` in lower case."""

    seq: int
    at: datetime
    caller: str
    method: str
    resource: str
    status: int
    preconditions: Mapping[str, str]
    body: Any

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Request:
        """Read one entry as the control route shows it."""
        headers = {str(name).casefold(): str(value) for name, value in entry["requestHeaders"].items()}
        return cls(
            seq=int(entry["seq"]),
            # The log has the end of each; an event of a change comes before that.
            at=datetime.fromisoformat(entry["time"]) - timedelta(seconds=float(entry["duration"])),
            caller="" if entry["caller"] is None else str(entry["caller"]["name"]),
            method=str(entry["method"]),
            resource=str(entry["resourceId"]),
            status=int(entry["status"]),
            preconditions={name: headers[name] for name in ("if-match", "if-none-match") if name in headers},
            body=entry["body"],
        )

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change, whatever came of it."""
        return self.method in _WRITES

    def __str__(self) -> str:
        return f"#{self.seq} {self.caller} {self.method} {short(self.resource)} -> {self.status}"


def short(resource: str) -> str:
    """A resource id for people: without subscription and provider, and without what Azure draws at random."""
    group, _, rest = resource.partition("/providers/")
    return _RANDOM.sub("_*", f"{group.rsplit('/', 1)[-1]}/{rest.partition('/')[2]}" if rest else resource)


class PrincipalCredential:
    """A token credential of one principal, by the local Azure's App Service identity endpoint."""

    def __init__(self, azure: LocalAzure, secret: str) -> None:
        self._azure = azure
        self._secret = secret

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token for the first scope."""
        answer = self._azure.token(self._secret, scopes[0])
        return AccessToken(answer["access_token"], int(answer["expires_on"]))

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token for the first scope."""
        answer = self._azure.token(self._secret, scopes[0])
        return AccessTokenInfo(answer["access_token"], int(answer["expires_on"]))


class LocalAzure:
    """A client of one running local Azure, made from its ready file; ``session`` makes what carries its requests."""

    def __init__(self, ready: Mapping[str, Any], session: Callable[[], requests.Session] = requests.Session) -> None:
        self._new_session = session
        self.url = str(ready["arm"])
        self.ca = str(ready["ca"])
        self.tenant = str(ready["tenant"])
        self.identity_endpoint = str(ready["identity_endpoint"])
        self.control_headers = {str(ready["control_header"]): str(ready["control_secret"])}
        self._secrets = {str(name): str(who["identity_header"]) for name, who in ready["principals"].items()}
        self._local = threading.local()
        self._witness_token = self.credential(WITNESS).get_token(SCOPE).token

    def environment(self, principal: str) -> dict[str, str]:
        """The environment in which a process has this principal as its managed identity, and trusts this Azure."""
        return {
            "REQUESTS_CA_BUNDLE": self.ca,
            "IDENTITY_ENDPOINT": self.identity_endpoint,
            "IDENTITY_HEADER": self._secrets[principal],
        }

    def credential(self, principal: str) -> PrincipalCredential:
        """The credential of a principal."""
        return PrincipalCredential(self, self._secrets[principal])

    def transport(self) -> RequestsTransport:
        """What carries the requests of an SDK client; for the thread that asks."""
        return RequestsTransport(session=self._session, session_owner=False, connection_verify=self.ca)

    def token(self, secret: str, scope: str) -> Json:
        """What the identity endpoint answers."""
        query = {"api-version": "2019-08-01", "resource": scope.removesuffix("/.default")}
        answer = self._session.get(
            self.identity_endpoint, params=query, headers={"X-IDENTITY-HEADER": secret}, timeout=_TIMEOUT
        )
        answer.raise_for_status()
        return dict(answer.json())

    def read(self, resource: str) -> Json | None:
        """A resource as the witness sees it, None when it does not exist."""
        answer = self._arm("GET", f"{self.url}{resource}")
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return dict(answer.json())

    def rows(self, collection: str) -> list[Json]:
        """All rows of a collection, page by page; none when its parent does not exist."""
        rows: list[Json] = []
        url = f"{self.url}{collection}"
        while url:
            answer = self._arm("GET", url)
            if answer.status_code == 404:
                return rows
            answer.raise_for_status()
            page = answer.json()
            rows += page["value"]
            url = str(page.get("nextLink") or "")
        return rows

    def make_group(self, resource: str, location: str, principal: str) -> None:
        """Create a resource group as a principal."""
        headers = {"Authorization": f"Bearer {self.credential(principal).get_token(SCOPE).token}"}
        url = f"{self.url}{resource}?api-version={_API}"
        self._session.put(url, json={"location": location}, headers=headers, timeout=_TIMEOUT).raise_for_status()

    def log(self, since: int = 0) -> list[Request]:
        """The request log after a number, the witness's own reads left out."""
        entries = [Request.from_json(entry) for entry in self.raw_log(since)]
        return [entry for entry in entries if entry.caller != WITNESS]

    def raw_log(self, since: int = 0) -> list[Json]:
        """The request log after a number as the control route shows it."""
        return list(self.control("GET", f"/_emulator/log?since={since}")["entries"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A request to a control route."""
        answer = self._session.request(
            method, f"{self.url}{path}", json=body, headers=self.control_headers, timeout=_TIMEOUT
        )
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def _arm(self, method: str, url: str) -> requests.Response:
        query = {} if "api-version=" in url else {"api-version": _API}
        headers = {"Authorization": f"Bearer {self._witness_token}"}
        return self._session.request(method, url, params=query, headers=headers, timeout=_TIMEOUT)

    @property
    def _session(self) -> requests.Session:
        """One session per thread; the machine's proxies have no business on the loopback."""
        if not hasattr(self._local, "session"):
            session = self._new_session()
            session.trust_env = False
            session.verify = self.ca
            self._local.session = session
        session = self._local.session
        assert isinstance(session, requests.Session)
        return session
