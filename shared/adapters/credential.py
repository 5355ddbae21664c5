"""The app's identity: a managed identity, imported and asked for with the first token."""

from __future__ import annotations

import threading
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, SupportsTokenInfo, TokenCredential, TokenRequestOptions


class LazyCredential:
    """A credential of azure-identity that costs nothing until the first token is needed.

    ``client_id`` names a user-assigned identity, empty for the system-assigned one.
    """

    def __init__(self, client_id: str = "") -> None:
        self._client_id = client_id
        self._lock = threading.Lock()
        self._credential: Any = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the scopes; errors of azure-identity pass through."""
        credential: TokenCredential = self._get()
        return credential.get_token(*scopes, **options)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token with its refresh time for the scopes."""
        credential: SupportsTokenInfo = self._get()
        return credential.get_token_info(*scopes, options=options)

    def _get(self) -> Any:
        with self._lock:
            if self._credential is None:
                from azure.identity import ManagedIdentityCredential

                # Without these, azure-identity's own pipeline may wait for minutes.
                self._credential = ManagedIdentityCredential(
                    client_id=self._client_id or None, connection_timeout=3, read_timeout=5, retry_total=1
                )
            return self._credential


class LazyLogin(LazyCredential):
    """The login of the person at the terminal (Azure CLI and the like), found with the first token.

    ``authority`` is the host of Microsoft Entra ID in the person's cloud, empty for the public one's. One that only
    the cloud itself names (``announced``) is believed: no public service knows it.
    https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential
    """

    def __init__(self, authority: str = "", *, announced: bool = False) -> None:
        super().__init__()
        self._authority = authority
        self._announced = announced

    def _get(self) -> Any:
        with self._lock:
            if self._credential is None:
                from azure.identity import DefaultAzureCredential

                self._credential = DefaultAzureCredential(process_timeout=10, **self._place())
            return self._credential

    def _place(self) -> dict[str, Any]:
        place: dict[str, Any] = {"authority": f"https://{self._authority}"} if self._authority else {}
        return place | ({"disable_instance_discovery": True} if self._announced else {})
