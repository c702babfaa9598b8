"""``treuepass simulate browser``: puts a card on a home screen, shows it and each push."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import requests

from pwa.endpoints import SIMULATOR, read_hosts
from pwa.simulate.browser import Browser, Refused, Withdrawn, new_device
from pwa.simulate.inbox import PushService
from pwa.simulate.page import show

BROWSERS = "simulated-browsers.json"
"""In the data folder: the device that each card is on, so that it can be removed later."""

_LOOK = 15.0
"""Seconds between two looks at the state, as a page without server-sent events makes them."""


def add_browser(simulating: Any) -> None:
    help_ = "a small honest browser: puts the card on the home screen, shows it and each push"
    browser = simulating.add_parser("browser", help=help_, description=help_)
    browser.add_argument("url", metavar="CARD_URL", help="the personal link, or /c/… or /i/…")
    browser.add_argument("--language", default="en", choices=("de", "en", "nl"))
    browser.add_argument("--remove", action="store_true", help="removes the card from the device")
    browser.add_argument("--once", action="store_true", help="ends when the card was shown")
    browser.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="ends after so long"
    )
    browser.add_argument(
        "--push-port", type=int, metavar="PORT",
        help="where its push service listens, on 127.0.0.1 (default: the first such port in"
        f" TREUEPASS_WEBPUSH_EXTRA_HOSTS, or that of {SIMULATOR})",
    )  # fmt: skip
    browser.set_defaults(command=browse)


def browse(parsed: argparse.Namespace, settings: Any, assemble: object) -> int:
    """Stays until it is interrupted, the time is over or the card was withdrawn; 1 when the server
    misbehaved."""
    kept = settings.data_dir / BROWSERS
    device = _kept(kept).get(parsed.url) or new_device()
    browser = Browser(parsed.language, device)
    try:
        browser.open(parsed.url)
        if parsed.remove:
            browser.remove()
            _keep(kept, parsed.url, None)
            _say("Removed from the device.")
            return 0
        browser.start()
        _keep(kept, parsed.url, device)
        _say(f"On the home screen.\n\n{show(browser.title, browser.state(), parsed.language)}\n")
        if not parsed.once:
            port = parsed.push_port or _port(settings)
            end = time.monotonic() + parsed.seconds if parsed.seconds is not None else None
            _stay(browser, port, end)
    except Withdrawn as gone:
        _say(str(gone))
    except (requests.RequestException, Refused) as error:
        sys.stderr.write(f"treuepass: {error}\n")
        return 1
    except KeyboardInterrupt:
        _say("\nThe card stays on the home screen. --remove takes it off.")
    return 0


def _stay(browser: Browser, port: int, end: float | None) -> None:
    """Shows each push and what it changed, until the card is withdrawn. Its own push service ends
    with it, so it unsubscribes then."""
    try:
        service = PushService(port)
    except OSError as error:
        raise Refused(
            f"127.0.0.1:{port} cannot be listened at ({error.strerror}). --push-port names another,"
            " which TREUEPASS_WEBPUSH_EXTRA_HOSTS of the server must name, too."
        ) from None
    with service as push:
        browser.subscribe(push)
        try:
            _listen(browser, push, end)
        finally:
            _leave(browser)


def _listen(browser: Browser, push: PushService, end: float | None) -> None:
    _say(f"Listening for pushes on {push.host}.")
    version = browser.state()["version"]
    while end is None or time.monotonic() < end:
        left = _LOOK if end is None else max(0.0, min(_LOOK, end - time.monotonic()))
        message = push.wait(left)
        if message is not None:
            _say(f"\n{_now()}  lock screen: {announced(message)}")
        state = browser.state()
        if state["version"] != version:
            version = state["version"]
            _say(f"{_now()}  the card now:\n{show(browser.title, state, browser.language)}\n")


def announced(message: bytes) -> str:
    """What a phone shows of a push (Declarative Web Push): its title and its words."""
    try:
        notification = json.loads(message)["notification"]
        return f"{notification['title']}: {notification['body']}"
    except (ValueError, KeyError, TypeError):
        return "a push that no browser understands"


def _leave(browser: Browser) -> None:
    """Best effort: a server that is gone cannot be told."""
    try:
        browser.unsubscribe()
    except (requests.RequestException, Withdrawn):
        return


def _port(settings: Any) -> int:
    """Where a server with these settings may write to on this machine."""
    allowed = read_hosts(settings.environment, settings.base_url).loopback
    found = (entry for entry in (*allowed, SIMULATOR) if entry.startswith("127.0.0.1:"))
    return int(next(found).rpartition(":")[2])


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _kept(file: Path) -> dict[str, str]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _keep(file: Path, url: str, device: str | None) -> None:
    devices = _kept(file)
    devices.pop(url, None)
    if device is not None:
        devices[url] = device
    file.write_text(json.dumps(devices))
    file.chmod(0o600)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
