"""The token: one request for all threads, whatever several of them are told at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from emulator.azure import LocalAzure
from shared.adapters.arm_client import ArmClient
from shared.domain.clouds import AZURE_CLOUD
from shared.service.ports import EstateUnavailable
from tests.adapters.arm.bench import HandClock, seconds
from tests.adapters.arm.raw_server import RawServer, answer
from tests.emulator.arm.estate import VAULT

API = "2026-02-01"


class Counting:
    """A credential that takes a moment and counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        with self._lock:
            self.scopes.append(scopes)
            number = len(self.scopes)
        time.sleep(0.05)
        return AccessToken(f"token-{number}", int(time.time()) + 3600)


def test_threads_that_begin_together_ask_for_one_token(azure: LocalAzure) -> None:
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(answer(b"{}"))) as server:
        credential = Counting()
        client = ArmClient(replace(AZURE_CLOUD, arm_endpoint=server.url), credential, HandClock())
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(client.get, VAULT, API, deadline=seconds(5)) for _ in range(16)]
            assert {call.result().status for call in calls} == {200}
    assert credential.scopes == [(AZURE_CLOUD.arm_scope,)]
    assert len(server.requests) == 16


def test_threads_that_are_refused_at_random_all_come_through_or_are_told(azure: LocalAzure) -> None:
    """A 401 of one thread drops the token while others are about to use it."""
    count = [0]
    lock = threading.Lock()

    def script(connection: Any) -> None:
        with lock:
            count[0] += 1
            refused = count[0] % 3 == 0
        connection.sendall(answer(b"{}", "401 Unauthorized" if refused else "200 OK"))

    with RawServer(azure.ca_path.parent, script) as server:
        client = ArmClient(replace(AZURE_CLOUD, arm_endpoint=server.url), Counting(), HandClock())

        def call() -> str:
            try:
                return str(client.get(VAULT, API, deadline=seconds(5)).status)
            except EstateUnavailable as error:
                return str(error)

        with ThreadPoolExecutor(8) as pool:
            results = [future.result() for future in [pool.submit(call) for _ in range(60)]]
    assert all(result == "200" or "401" in result for result in results)
    assert "200" in results


def test_a_credential_without_a_token_is_told_and_its_words_are_kept_out(azure: LocalAzure) -> None:
    class Refusing:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            raise ClientAuthenticationError("the secret abc was wrong")

    client = ArmClient(replace(AZURE_CLOUD, arm_endpoint=azure.url), Refusing(), HandClock(), sleep=lambda _: None)
    with pytest.raises(EstateUnavailable, match="no token could be had") as caught:
        client.get(VAULT, API, deadline=seconds(5))
    assert "abc" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ClientAuthenticationError)
    assert azure.log.since() == []
