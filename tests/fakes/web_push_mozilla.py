"""Mozilla's autopush over WebSocket, as far as a real Firefox needs it to subscribe and be told.

Source: Mozilla, autopush, "Push Service WebSocket protocol": hello, register, notification, ack,
unregister, broadcast_subscribe, and ``{}`` as a ping.
"""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pwa import base64url
from tests.fakes.web_push_socket import Frames

if TYPE_CHECKING:
    from tests.fakes.web_push import Device, FakePushService, Message

_SHOWN = 100
"""The code of an ack: the message reached its service worker."""


@dataclass
class Browser:
    """A Firefox by its user agent id, with its channels; ``frames`` None: it is away."""

    uaid: str
    frames: Frames | None = None
    channels: dict[str, Device] = field(default_factory=dict)


class Mozilla:
    """The browsers of a push service, and what they said."""

    def __init__(self, service: FakePushService) -> None:
        self._service = service
        self._lock = threading.RLock()
        self.browsers: dict[str, Browser] = {}
        self.said: list[dict[str, Any]] = []
        """All messages of browsers, in the order of arrival."""

    def acknowledged(self) -> list[str]:
        """The versions of messages that a browser opened and gave to a service worker."""
        return [
            update["version"]
            for message in list(self.said)
            if message.get("messageType") == "ack"
            for update in message["updates"]
            if update.get("code", _SHOWN) == _SHOWN
        ]

    def serve(self, frames: Frames) -> None:
        """One connection, until it ends."""
        browser: Browser | None = None
        while (text := frames.receive()) is not None:
            message = json.loads(text)
            self.said.append(message)
            kind = message.get("messageType", "ping")
            if kind == "ping":
                frames.send("{}")
            elif kind == "hello":
                browser = self._hello(frames, message)
            elif browser is not None and kind == "register":
                self._register(browser, frames, message)
            elif browser is not None and kind == "unregister":
                self._unregister(browser, frames, message)
        if browser is not None and browser.frames is frames:
            browser.frames = None

    def _hello(self, frames: Frames, message: dict[str, Any]) -> Browser:
        known = message.get("uaid") or ""
        with self._lock:
            browser = self.browsers.get(known) or Browser(uuid.uuid4().hex)
            self.browsers[browser.uaid] = browser
            browser.frames = frames
        answer = {"messageType": "hello", "uaid": browser.uaid, "status": 200}
        frames.send(json.dumps({**answer, "use_webpush": True, "broadcasts": {}}))
        for device in list(browser.channels.values()):
            device.come_back(self._service.clock())
        return browser

    def _register(self, browser: Browser, frames: Frames, message: dict[str, Any]) -> None:
        channel = message["channelID"]
        device = self._service.add(base64url.decoded(message["key"].rstrip("=")), None)
        device.bring = lambda brought: _bring(browser, channel, brought)
        browser.channels[channel] = device
        answer = {"messageType": "register", "channelID": channel, "status": 200}
        frames.send(json.dumps({**answer, "pushEndpoint": device.endpoint}))

    def _unregister(self, browser: Browser, frames: Frames, message: dict[str, Any]) -> None:
        channel = message["channelID"]
        device = browser.channels.pop(channel, None)
        if device is not None:
            self._service.unsubscribe(device)
        answer = {"messageType": "unregister", "channelID": channel, "status": 200}
        frames.send(json.dumps(answer))


def _bring(browser: Browser, channel: str, message: Message) -> bool:
    """Hands a message to the browser; False: it is away."""
    if browser.frames is None:
        return False
    told = {
        "messageType": "notification",
        "channelID": channel,
        "version": uuid.uuid4().hex,
        "ttl": int(message.headers["ttl"]),
        "data": base64url.encoded(message.body),
        "headers": {"encoding": message.headers["content-encoding"]},
    }
    try:
        browser.frames.send(json.dumps(told))
    except OSError:
        return False
    return True
