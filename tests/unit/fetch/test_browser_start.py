"""What is said where there is no browser, and what one is started with; none is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scraper import optional_dependencies
from scraper.config.model.browser import BrowserConfig
from scraper.errors import UsageError
from scraper.fetch.browser import executable, guardian


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Playwright has other places")
def test_a_browser_is_the_systems_or_playwrights_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_dependencies, "require", lambda *_: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    with pytest.raises(UsageError, match="neither the system nor Playwright has one") as raised:
        executable.require_browser(BrowserConfig())
    assert "playwright install chromium" in (raised.value.remedy or "")
    (tmp_path / "ms-playwright" / "chromium_headless_shell-1").mkdir(parents=True)
    executable.require_browser(BrowserConfig())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError):
        executable.require_browser(BrowserConfig())
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o700)
    executable.require_browser(BrowserConfig())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guardian is of Linux")
def test_playwrights_own_browser_is_found_though_its_home_is_another(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": "/home/jo", "SECRET": "x"}
    command = [sys.executable, "-I", "-S", guardian.__file__, str(tmp_path), str(os.getpid()), "/usr/bin/env"]
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "PLAYWRIGHT_BROWSERS_PATH=/home/jo/.cache/ms-playwright" in told
    assert f"HOME={tmp_path}" in told
    assert "SECRET=x" not in told
