"""A real Firefox without a window, driven over WebDriver BiDi.

Source: W3C, WebDriver BiDi. Its push service is the one that it is started with.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.fakes.web_push_socket import Frames, connect
from tests.running import free_port

PATIENCE = 60.0
"""Seconds until something that must happen counts as missing; nothing is measured by it."""

PREFERENCES = {
    # What Firefox sets for tests by itself would cut it off from every push service.
    "remote.prefs.recommended": False,
    "dom.push.testing.allowInsecureServerURL": True,
    # Whoever asks may show notifications, which Firefox draws itself.
    "permissions.default.desktop-notification": 1,
    "alerts.useSystemBackend": False,
    # None of the calls home that Firefox makes by itself.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "data:,",
}


class Trouble(RuntimeError):
    """Firefox refused a command; the sentence is its own."""


class Firefox:
    """Runs while the ``with`` block runs, with a new profile and one tab."""

    def __init__(self, program: str, push_server: str) -> None:
        """``push_server``: the address of the WebSocket of its push service."""
        self._program, self._push_server = program, push_server
        self._number = 0

    def __enter__(self) -> Self:
        self._profile = tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
        preferences = {**PREFERENCES, "dom.push.serverURL": self._push_server}
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in preferences.items())
        (Path(self._profile.name) / "user.js").write_text("".join(lines))
        port = free_port()
        self._process = subprocess.Popen(
            [
                self._program, "--headless", "--no-remote", "--profile", self._profile.name,
                f"--remote-debugging-port={port}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._frames = self._connected(port)
        self._command("session.new", {"capabilities": {}})
        [tab] = self._command("browsingContext.getTree", {})["contexts"]
        self.tab = tab["context"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._frames.close()
        self._profile.cleanup()

    def go(self, url: str) -> None:
        """Opens a page and waits until it is complete."""
        self._command(
            "browsingContext.navigate", {"context": self.tab, "url": url, "wait": "complete"}
        )

    def run(self, script: str) -> Any:
        """The value of an expression, which may be a promise; JSON. It counts as done by a person,
        so that it may ask for permissions. Raises Trouble with what it threw."""
        answer = self._command(
            "script.evaluate",
            {
                # What JSON can say needs no other way to be read.
                "expression": f"(async () => JSON.stringify(await ({script}) ?? null))()",
                "target": {"context": self.tab},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        if answer["type"] != "success":
            raise Trouble(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def wait_for(self, script: str) -> Any:
        """The value of an expression as soon as it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            if time.monotonic() > end:
                raise AssertionError(f"{script} never became true")
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element, as a person with a mouse does."""
        place = self.run(
            f"(() => {{ const at = document.querySelector({json.dumps(selector)});"
            " at.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const box = at.getBoundingClientRect();"
            " return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
            " })()"
        )
        moves = [
            {"type": "pointerMove", "x": place[0], "y": place[1]},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._command(
            "input.performActions",
            {
                "context": self.tab,
                "actions": [{"type": "pointer", "id": "mouse", "actions": moves}],
            },
        )

    def _connected(self, port: int) -> Frames:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return connect("127.0.0.1", port, "/session", PATIENCE)
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    self.__exit_early()
                    raise
                time.sleep(0.1)

    def __exit_early(self) -> None:
        self._process.kill()
        self._process.wait()
        self._profile.cleanup()

    def _command(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        told = {"id": self._number, "method": method, "params": parameters}
        self._frames.send(json.dumps(told))
        while (text := self._frames.receive()) is not None:
            message = json.loads(text)
            if message.get("id") == self._number:
                if message["type"] == "error":
                    raise Trouble(f"{method}: {message['message']}")
                return message["result"]
        raise Trouble(f"{method}: Firefox has gone")
