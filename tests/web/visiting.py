"""A person with a browser, as far as the tests of the public pages need one."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)
LAPTOP = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


class Page:
    """An answer that is a page; ``text`` is what a person reads of it."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.html: str = response.get_data().decode(errors="replace")
        response.close()
        self.location: str = response.headers.get("Location", "")

    @property
    def text(self) -> str:
        body = re.split(r"<body[^>]*>", self.html)[-1]
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())

    @property
    def heading(self) -> str:
        return html.unescape(self.one(r"<h1[^>]*>(.*?)</h1>"))

    @property
    def token(self) -> str:
        return self.one(r'name="token" value="([^"]+)"')

    @property
    def action(self) -> str:
        return html.unescape(self.one(r'<form class="panel" method="post" action="([^"]+)"'))

    @property
    def wallets(self) -> list[str]:
        return re.findall(r'data-wallet="(\w+)"', self.html)

    def one(self, pattern: str) -> str:
        found = re.search(pattern, self.html)
        assert found is not None, f"{pattern} is not in the page:\n{self.html}"
        return found.group(1)

    def has(self, pattern: str) -> bool:
        return re.search(pattern, self.html) is not None


class Person:
    """Has cookies, a device, an address of their own, and a language."""

    def __init__(
        self, app: Flask, agent: str = IPHONE, address: str = "198.51.100.7", language: str = "en"
    ) -> None:
        self.client = app.test_client()
        self._headers = {"User-Agent": agent, "Accept-Language": language}
        self._address = {"REMOTE_ADDR": address}

    def open(self, path: str, *, method: str = "GET", **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(
            self.client.open(
                path,
                method=method,
                headers={**self._headers, **named},
                environ_overrides=self._address,
            )
        )

    def send(self, page: Page, **answers: str) -> Page:
        """Fills the form of a page and sends it."""
        return self.post(page.action, token=page.token, **answers)

    def post(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> Page:
        return Page(
            self.client.post(
                path,
                data=fields,
                headers={**self._headers, **(headers or {})},
                environ_overrides=self._address,
            )
        )
