"""Identities and their tokens: the App Service identity endpoint and the check of bearer tokens.

Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt

from emulator.arm.access import Principal
from emulator.arm.errors import ArmError, unauthorized
from emulator.arm.messages import Json

LIFETIME_SECONDS = 24 * 3600
AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_ALGORITHM = "HS256"
_MAX_KNOWN = 1000


@dataclass(frozen=True)
class Identity:
    """A principal and the secret by which a process asks for its tokens (IDENTITY_HEADER)."""

    principal: Principal
    secret: str


class Identities:
    """All principals of the tenant.

    `issuer` is what tokens name as their source; `now` is what their lifetime is measured by, in seconds since 1970.
    """

    def __init__(
        self,
        tenant: str,
        issuer: str,
        extra_audience: str | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.tenant = tenant
        self.issuer = issuer
        audiences = AUDIENCES if extra_audience is None else (*AUDIENCES, extra_audience)
        self._audiences = [spelling for name in audiences for spelling in (name, f"{name}/")]
        self._key = secrets.token_urlsafe(32)
        self._by_name: dict[str, Identity] = {}
        self._now = now
        self._checked: dict[str, tuple[Principal, float]] = {}

    def add(self, principal: Principal) -> Identity:
        """Make a principal known, or give back the one of that name."""
        return self._by_name.setdefault(principal.name, Identity(principal, secrets.token_urlsafe(24)))

    def named(self, name: str) -> Identity:
        """The identity of that name, made if there is none."""
        return self.add(Principal.named(name))

    def all(self) -> list[Identity]:
        """All identities."""
        return list(self._by_name.values())

    def token(self, principal: Principal, audience: str, lifetime: int = LIFETIME_SECONDS) -> str:
        """A signed token for an audience; a negative lifetime makes one that has expired."""
        now = int(self._now())
        claims: Json = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now - 300,
            "exp": now + lifetime,
            "appid": principal.appid,
            "oid": principal.oid,
            "sub": principal.oid,
            "tid": self.tenant,
            "ver": "1.0",
            "idtyp": "user" if principal.upn else "app",
        }
        if principal.upn:
            claims["upn"] = principal.upn
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def answer(self, query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Json]:
        """Serve the identity endpoint: status and body."""
        secret = headers.get("x-identity-header", "")
        found = [item for item in self._by_name.values() if secrets.compare_digest(item.secret, secret)]
        if not found:
            return 401, _refusal(401, "The secret in X-IDENTITY-HEADER is missing or wrong.")
        principal = found[0].principal
        resource = query.get("resource", "")
        if not resource or query.get("api-version") != "2019-08-01":
            return 400, _refusal(400, "The parameters resource and api-version 2019-08-01 are required.")
        wanted = query.get("client_id") or query.get("clientid")
        if wanted is not None and wanted.casefold() != principal.appid:
            return 400, _refusal(400, f"No user-assigned identity has the client id '{wanted}'.")
        return 200, {
            "access_token": self.token(principal, resource),
            "client_id": principal.appid,
            "expires_on": str(int(self._now()) + LIFETIME_SECONDS),
            "not_before": str(int(self._now()) - 300),
            "resource": resource,
            "token_type": "Bearer",
        }

    def authenticate(self, authorization: str | None) -> Principal:
        """Who a bearer token speaks for. Raises ArmError 401 for a missing, altered, expired or foreign one."""
        known = self._checked.get(authorization or "")
        if known is not None and known[1] > self._now():
            return known[0]
        challenge = f'Bearer authorization_uri="{self.issuer}", error="invalid_token"'
        if not authorization or not authorization.casefold().startswith("bearer "):
            refused = unauthorized(
                "Authentication failed. The 'Authorization' header is missing.", "AuthenticationFailed"
            )
            raise _with_challenge(refused, challenge)
        try:
            claims = jwt.decode(
                authorization.split(" ", 1)[1],
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._audiences,
                # Lifetimes are measured by this object's own clock, below.
                options={"require": ["exp", "aud", "oid"], "verify_exp": False, "verify_nbf": False},
            )
        except jwt.InvalidAudienceError as error:
            foreign = unauthorized(
                "The access token has been obtained for wrong audience or resource.",
                "InvalidAuthenticationTokenAudience",
            )
            raise _with_challenge(foreign, challenge) from error
        except jwt.InvalidTokenError as error:
            raise _with_challenge(unauthorized("The access token is invalid."), challenge) from error
        expires = float(claims["exp"])
        if expires <= self._now():
            expired = unauthorized(
                "The access token expiry UTC time is earlier than now.", "ExpiredAuthenticationToken"
            )
            raise _with_challenge(expired, challenge)
        for identity in self._by_name.values():
            if identity.principal.oid == claims["oid"]:
                if len(self._checked) >= _MAX_KNOWN:
                    self._checked.clear()
                self._checked[authorization] = (identity.principal, expires)
                return identity.principal
        raise _with_challenge(unauthorized("The access token names an unknown principal."), challenge)


def _with_challenge(error: ArmError, challenge: str) -> ArmError:
    error.headers["WWW-Authenticate"] = challenge
    return error


def _refusal(status: int, message: str) -> Json:
    return {"statusCode": status, "message": message}
