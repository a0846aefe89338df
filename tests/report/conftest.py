"""Reports in a real browser."""

import os
import shutil
from collections import namedtuple
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from anthrometrics.report import write_report
from tests.report import documents

_NAMES = ("chromium", "chromium-browser", "google-chrome")
Opened = namedtuple("Opened", "page path console requests")


@pytest.fixture(scope="session")
def comparison():
    return documents.comparison()


@pytest.fixture(scope="session")
def score_set():
    return documents.score_set()


# Of one module: while Playwright runs, no other test can have an event loop of its own.
@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing = f"none of {', '.join(_NAMES)} is on the PATH (Debian: apt-get install chromium)"
        # A browser cannot be asked of everybody who tries the project; of CI it can.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        # Containers give Chromium no user namespaces for its sandbox; it opens nothing but reports made here.
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def reports(browser, folder):
    """Write a report, open it, and note everything it says and asks for."""
    contexts = []

    def show(documents_, width=1280, scheme="light", javascript=True):
        path = folder / f"report{len(contexts)}.html"
        write_report(documents_, path)
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
        )
        contexts.append(context)
        page = context.new_page()
        opened = Opened(page, path, [], [])
        page.on("console", lambda message: opened.console.append(message.text))
        page.on("pageerror", lambda error: opened.console.append(str(error)))
        page.on("dialog", lambda dialog: (opened.console.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(path.as_uri())
        return opened

    yield show
    for context in contexts:
        context.close()


@pytest.fixture
def show(browser, tmp_path):
    with reports(browser, tmp_path) as show:
        yield show
