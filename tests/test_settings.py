"""Settings: complete, checked together, and never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from shared import bootstrap
from shared.domain.clouds import CLOUDS, Cloud
from shared.settings import Role, Settings, SettingsError, load, load_terminal

ROOT = Path(__file__).resolve().parents[1]
GOOD = {
    "KVGUARD_ROLE": "guard",
    "KVGUARD_SUBSCRIPTIONS": "00000000-0000-0000-0000-00000000000A, 00000000-0000-0000-0000-00000000000b",
    "KVGUARD_TENANT": "11111111-1111-1111-1111-111111111111",
    "KvGuardStorage": "UseDevelopmentStorage=true",
    "KvGuardFindings__queueServiceUri": "https://review.queue.core.windows.net",
}


def problems(**changes: str | None) -> tuple[str, ...]:
    environment = {**GOOD, **changes}
    with pytest.raises(SettingsError) as caught:
        load({name: value for name, value in environment.items() if value is not None})
    return caught.value.problems


def test_good_settings_have_cautious_defaults() -> None:
    settings = load(GOOD)
    assert (settings.role, settings.mode, settings.enforce, settings.cloud) == (
        Role.GUARD,
        "observe",
        False,
        "AzureCloud",
    )
    assert settings.subscriptions == {
        "00000000-0000-0000-0000-00000000000a",
        "00000000-0000-0000-0000-00000000000b",
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"KVGUARD_ROLE": None}, "KVGUARD_ROLE"),
        ({"KVGUARD_ROLE": "Guard"}, "KVGUARD_ROLE"),
        ({"KVGUARD_ROLE": "review"}, "KVGUARD_ROLE"),
        ({"KVGUARD_ROLE": "all", "WEBSITE_SITE_NAME": "app"}, "KVGUARD_ROLE"),
        ({"KVGUARD_SUBSCRIPTIONS": ""}, "KVGUARD_SUBSCRIPTIONS"),
        ({"KVGUARD_SUBSCRIPTIONS": "production"}, "KVGUARD_SUBSCRIPTIONS"),
        ({"KVGUARD_TENANT": None}, "KVGUARD_TENANT"),
        ({"KVGUARD_MODE": "on"}, "KVGUARD_MODE"),
        ({"KVGUARD_EXECUTOR": "yes"}, "KVGUARD_EXECUTOR"),
        ({"KVGUARD_CLOUD": "AzureGermanCloud"}, "Germany"),
        ({"KVGUARD_CLOUD": "azurecloud"}, "KVGUARD_CLOUD"),
        ({"KVGUARD_CLOUD": "custom"}, "KVGUARD_ARM_ENDPOINT"),
        ({"KVGUARD_ARM_ENDPOINT": "http://management.azure.com"}, "https"),
        ({"KVGUARD_ARM_ENDPOINT": "https://evil.example"}, "KVGUARD_ARM_ENDPOINT"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://u:p@host"}, "https"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://host:99999999"}, "https"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "http://host"}, "https"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://ho st"}, "https"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://ho<st"}, "https"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://host/arm"}, "without a path"),
        ({"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://host?x=1"}, "without a path"),
        (
            {"KVGUARD_CLOUD": "AzureChinaCloud", "KVGUARD_ARM_ENDPOINT": "https://management.azure.com"},
            "not the endpoint",
        ),
        ({"KVGUARD_ARM_ENDPOINT": "https://management.usgovcloudapi.net"}, "not the endpoint of AzureCloud"),
        ({"KVGUARD_REVIEW_URL": "http://x"}, "KVGUARD_REVIEW_URL"),
        ({"KVGUARD_TEAMS_WEBHOOK": "ftp://x"}, "KVGUARD_TEAMS_WEBHOOK"),
        ({"KVGUARD_HEALTH_KEY": "x" * 31}, "KVGUARD_HEALTH_KEY"),
        ({"KVGUARD_SUBSCRIPTION": "x"}, "KVGUARD_SUBSCRIPTION "),
    ],
)
def test_each_wrong_setting_is_named(changes: dict[str, str | None], named: str) -> None:
    found = problems(**changes)
    assert len([problem for problem in found if named in problem]) >= 1, found


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, str]], Settings]]:
    """Starts the app's settings in an environment of its own."""

    def started(environment: Mapping[str, str]) -> Settings:
        monkeypatch.setattr(os, "environ", dict(environment))
        bootstrap.settings.cache_clear()
        return bootstrap.settings()

    yield started
    bootstrap.settings.cache_clear()


def test_everything_wrong_is_said_at_once(start: Callable[[Mapping[str, str]], Settings]) -> None:
    with pytest.raises(SettingsError) as caught:
        start({})
    named = [problem.split("'")[1] if "'" in problem else problem.split()[0] for problem in caught.value.problems]
    assert named == ["KVGUARD_ROLE", "KVGUARD_SUBSCRIPTIONS", "KVGUARD_TENANT", "KvGuardStorage", "KvGuardFindings"]


def test_a_wrong_setting_does_not_hide_a_half_described_connection(
    start: Callable[[Mapping[str, str]], Settings],
) -> None:
    half = {"KvGuardStorage__queueServiceUri": "https://own.queue.core.windows.net"}
    others = {name: value for name, value in GOOD.items() if name != "KvGuardStorage"}
    with pytest.raises(SettingsError) as caught:
        start({**others, **half, "KVGUARD_MODE": "on"})
    mode, storage = caught.value.problems
    assert mode.startswith("KVGUARD_MODE")
    assert "KvGuardStorage__blobServiceUri, KvGuardStorage__tableServiceUri" in storage


def test_a_connection_under_functions_own_prefix_is_one(start: Callable[[Mapping[str, str]], Settings]) -> None:
    others = {name: value for name, value in GOOD.items() if name != "KvGuardStorage"}
    assert start({**others, "AzureWebJobsKvGuardStorage__accountName": "contoso"}).mode == "observe"


def test_what_is_no_connection_string_stops_the_start(start: Callable[[Mapping[str, str]], Settings]) -> None:
    with pytest.raises(SettingsError, match="KvGuardStorage is no connection string") as caught:
        start({**GOOD, "KvGuardStorage": "AccountKey=c2VjcmV0"})
    assert "c2VjcmV0" not in str(caught.value)


def test_a_role_for_everything_is_for_local_runs() -> None:
    assert load({**GOOD, "KVGUARD_ROLE": "all"}).role is Role.ALL


def test_secrets_do_not_show_in_the_representation_or_in_problems() -> None:
    secret = "AccountKey=c2VjcmV0"
    assert secret not in repr(load({**GOOD, "KvGuardStorage": secret}))
    assert secret not in " ".join(problems(KVGUARD_HEALTH_KEY=secret))
    assert secret not in " ".join(problems(KvGuardStorage=secret, KVGUARD_TEAMS_WEBHOOK=f"http://x?sig={secret}"))


def test_the_sample_settings_start_the_app() -> None:
    sample = Path(__file__).parents[1] / "local.settings.sample.json"
    assert load(json.loads(sample.read_text(encoding="utf-8"))["Values"]).mode == "observe"


def test_a_terminal_needs_no_settings_and_checks_those_it_has() -> None:
    bare = load_terminal({})
    assert (bare.subscriptions, bare.policy, bare.cloud, bare.arm_endpoint) == (frozenset(), "", "AzureCloud", "")
    given = load_terminal({**GOOD, "KVGUARD_POLICY": " policy.yaml ", "KVGUARD_CLOUD": "AzureChinaCloud"})
    assert (given.policy, given.cloud, len(given.subscriptions)) == ("policy.yaml", "AzureChinaCloud", 2)
    with pytest.raises(SettingsError) as caught:
        load_terminal({"KVGUARD_SUBSCRIPTIONS": "me", "KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "http://x"})
    assert len(caught.value.problems) == 2


# -- clouds

each_cloud = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


@each_cloud
def test_each_cloud_is_a_setting_and_its_own_endpoint_may_be_named(cloud: Cloud) -> None:
    for endpoint in ("", cloud.arm_endpoint, f"{cloud.arm_endpoint}/"):
        environment = {**GOOD, "KVGUARD_CLOUD": cloud.name, "KVGUARD_ARM_ENDPOINT": endpoint}
        assert load(environment).cloud == load_terminal(environment).cloud == cloud.name


@each_cloud
def test_bootstrap_wires_the_cloud_that_is_set(cloud: Cloud) -> None:
    assert bootstrap.terminal_cloud({"KVGUARD_CLOUD": cloud.name}) is cloud


def test_the_closed_cloud_is_refused_by_the_terminal_too() -> None:
    with pytest.raises(SettingsError) as caught:
        load_terminal({"KVGUARD_CLOUD": "AzureGermanCloud"})
    assert caught.value.problems == (
        "KVGUARD_CLOUD: Azure Germany was closed on 2021-10-29; kvguard cannot connect to it",
    )


def test_the_app_does_not_start_in_the_closed_cloud_and_says_why_in_one_sentence() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KVGUARD", "AZURE", "KvGuard"))}
    ran = subprocess.run(
        [sys.executable, "-c", "import function_app"],
        cwd=ROOT,
        env={**kept, **GOOD, "KVGUARD_CLOUD": "AzureGermanCloud"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 1
    said = ran.stderr.strip().splitlines()
    assert said[-2].endswith("SettingsError: kvguard cannot start:")
    assert said[-1] == "- KVGUARD_CLOUD: Azure Germany was closed on 2021-10-29; kvguard cannot connect to it"
    assert "ImportError" not in ran.stderr
