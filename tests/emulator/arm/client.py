"""Clients of the local Resource Manager: raw requests, and the SDK's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import requests
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.privatedns import PrivateDnsManagementClient

from emulator.azure import OPERATOR, SUBSCRIPTION, LocalAzure

SCOPE = "https://management.azure.com/.default"


class ArmClient:
    """Sends single requests with a valid token and gives back the answer as it is."""

    def __init__(self, azure: LocalAzure, principal: str = OPERATOR) -> None:
        self._azure = azure
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(azure.ca_path)
        self._token = azure.credential(principal).get_token(SCOPE).token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        api: str | None = "2024-06-01",
        headers: dict[str, str] | None = None,
        timeout: float = 5.0,
    ) -> requests.Response:
        """One request; `path` may be an absolute URL and may carry a query."""
        url = path if path.startswith("https://") else f"{self._azure.url}{path}"
        if api is not None and "api-version=" not in url:
            url += f"{'&' if '?' in url else '?'}api-version={api}"
        return self._session.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
            timeout=timeout,
            allow_redirects=False,
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET."""
        return self.call("GET", path, **options)

    def put(self, path: str, body: Any, **options: Any) -> requests.Response:
        """PUT."""
        return self.call("PUT", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> requests.Response:
        """PATCH."""
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        """DELETE."""
        return self.call("DELETE", path, **options)

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A request to the control routes."""
        headers = {"X-Emulator-Control": self._azure.control_secret}
        return self._session.request(method, f"{self._azure.url}{path}", json=body, headers=headers, timeout=5.0)


@dataclass(frozen=True)
class Sdk:
    """The SDK's management clients for the local Azure.

    Not typed: they take plain dicts, which their own annotations do not say.
    """

    keyvault: Any
    network: Any
    privatedns: Any

    @classmethod
    def of(cls, azure: LocalAzure, principal: str = OPERATOR) -> Self:
        """Clients of a principal, without retries."""
        credential = azure.credential(principal)
        options: dict[str, Any] = {
            "base_url": azure.url,
            "credential_scopes": [SCOPE],
            "polling_interval": 0.02,
            "retry_total": 0,
        }
        return cls(
            KeyVaultManagementClient(credential, SUBSCRIPTION, **options),
            NetworkManagementClient(credential, SUBSCRIPTION, **options),
            PrivateDnsManagementClient(credential, SUBSCRIPTION, **options),
        )
