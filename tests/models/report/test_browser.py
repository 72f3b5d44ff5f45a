"""The page in a real browser: every picture is drawn, light and dark, under the service's CSP."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from models.report import write_report
from tests.models.report import evidence as made

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""As the service sends it."""
DARK, LIGHT = 0, 1
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=15000", "--dump-dom",
]  # fmt: skip
LOOK = """
async function look(frame) {
  const page = frame.contentDocument, images = [...page.images];
  await Promise.all(images.map(image => image.decode().catch(() => 0)));
  const root = page.documentElement;
  return {
    widths: images.map(image => image.naturalWidth),
    sources: images.map(image => atob(image.currentSrc.split(',')[1]).includes('#22303a')),
    drawn: images.map(image => image.getBoundingClientRect().width),
    background: getComputedStyle(page.body).backgroundColor,
    beyond: root.scrollWidth - root.clientWidth,
    scripts: page.scripts.length,
  };
}
addEventListener('load', async () => {
  const found = [];
  for (const frame of document.querySelectorAll('iframe')) found.push(await look(frame));
  document.body.textContent = 'FOUND' + JSON.stringify(found) + 'END';
});
"""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with the report of a hostile table in two frames: a phone and a desk."""
    folder = tmp_path_factory.mktemp("browser")
    write_report(made.churn(rows=600), folder)
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    framed = html.escape(page.replace("<head>", f"<head>{meta}", 1), quote=True)
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{framed}"></iframe>' for width in (360, 1100)
    )
    outer = folder / "outer.html"
    outer.write_text(
        f'<!doctype html><meta charset="utf-8"><body>{frames}<script>{LOOK}</script>',
        encoding="utf-8",
    )
    return outer


def looks(page: Path, scheme: int, profile: Path) -> list[dict[str, Any]]:
    """Return what a browser sees in each frame; its console must stay empty."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
    command += [f"--blink-settings=preferredColorScheme={scheme}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr[-3000:]
    told = re.search(r"FOUND(\[.*\])END", done.stdout)
    assert told is not None, done.stdout[-1000:]
    found: list[dict[str, Any]] = json.loads(html.unescape(told[1]))
    return found


@pytest.mark.parametrize(
    ("scheme", "background"), [(LIGHT, "rgb(255, 255, 255)"), (DARK, "rgb(21, 28, 33)")]
)
def test_it_is_drawn(looked_at: Path, tmp_path: Path, scheme: int, background: str) -> None:
    for frame in looks(looked_at, scheme, tmp_path / "profile"):
        assert len(frame["widths"]) >= 8
        assert min(frame["widths"]) > 0
        assert min(frame["drawn"]) > 200
        assert frame["background"] == background
        # The plots of a light page have the light page's ink, those of a dark one do not.
        assert set(frame["sources"]) == {scheme == LIGHT}
        assert frame["beyond"] <= 0
        assert frame["scripts"] == 0
