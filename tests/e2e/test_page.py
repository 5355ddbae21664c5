"""The story as a page, in a real Chromium: everything is there, names from Azure are inert, nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tools.story.page import Line, PagePart, PageServer, render

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>{{ 7 * 7 }}"
PARTS = [
    PagePart("The beginning"),
    PagePart(
        "Act a: a record is missing",
        "why it matters",
        [
            Line("event", "creates vault kv-orders", "the secrets of the orders service", "bicep-deployment", 1.2),
            Line("event", f"creates A record {HOSTILE}", HOSTILE, "kvguard", 4.0),
            Line("said", f"$ host {HOSTILE}"),
            Line("verdict", "the record is there"),
            Line("verdict", "nobody was told", "one message", ok=False),
        ],
    ),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = json.loads((ROOT / ".tools" / "env.json").read_text(encoding="utf-8"))["chromium"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_the_page_shows_every_line_and_runs_nothing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with PageServer(render("a title", PARTS)) as server:
        page.goto(server.url)
        assert [heading.inner_text() for heading in page.query_selector_all("h2")] == ["Act a: a record is missing"]
        assert len(page.query_selector_all("li")) == 5
        text = page.inner_text("body")
        assert text.count(HOSTILE) == 3
        assert "seen: one message" in text
        assert page.query_selector_all("img, script, iframe, link") == []
        assert page.title() == "kvguard: the story on the local Azure"
        assert [url for url in asked if "favicon" not in url] == [server.url]


def test_the_page_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    with PageServer(render("a title", PARTS)) as server:
        page.goto(server.url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_only_the_page_itself_is_served(page: Page) -> None:
    with PageServer(render("a title", PARTS)) as server:
        answer = page.goto(f"{server.url}etc/passwd")
        assert answer is not None
        assert answer.status == 404
