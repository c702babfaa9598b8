"""The pages around the product: health, errors, pictures, colours, and every answer's headers."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from commands.parts import Parts
from passes.store import Base
from tests.conftest import Shop
from tests.web.visiting import Person
from web import headers


@pytest.fixture
def database_url(tmp_path: Path, _sqlite_master: Path) -> str:
    """One database will do: these pages only read."""
    return f"sqlite:///{shutil.copy(_sqlite_master, tmp_path / 'treuepass.db')}"


@pytest.fixture
def anna(app: Flask) -> Person:
    return Person(app)


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["de", "en", "nl"])
@pytest.mark.parametrize("path", ["/", "/dashboard/"])
def test_pages_speak_the_visitors_language(app: Flask, path: str, language: str) -> None:
    page = Person(app, language=f"{language}-XX,{language};q=0.9").open(path)
    assert page.status == 200
    assert f'<html lang="{language}">' in page.html


def test_who_speaks_none_of_our_languages_gets_english(app: Flask) -> None:
    assert '<html lang="en">' in Person(app, language="fi").open("/").html


def test_robots_may_fetch_but_not_index(anna: Person) -> None:
    assert anna.open("/robots.txt").response.text == "User-agent: *\nAllow: /\n"
    assert "X-Robots-Tag" not in anna.open("/").response.headers
    assert "noindex" in anna.open("/join/nobody").response.headers["X-Robots-Tag"]


def test_the_icon_is_where_browsers_look(anna: Person) -> None:
    assert anna.open("/favicon.ico").response.mimetype == "image/svg+xml"


# --- health --------------------------------------------------------------------------------------


def test_alive_and_ready(anna: Person) -> None:
    assert anna.open("/healthz").status == 200
    assert anna.open("/readyz").status == 200


def test_not_ready_without_tables(parts: Parts, anna: Person) -> None:
    with parts.store.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        Base.metadata.tables["delivery"].drop(connection)
    assert anna.open("/healthz").status == 200
    assert anna.open("/readyz").status == 503


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/c/unknown/", 404),
        ("GET", "/pictures/x/y/z.png", 404),
        ("POST", "/", 405),
        ("DELETE", "/dashboard/", 405),
    ],
)
def test_errors_are_pages_for_people(anna: Person, method: str, path: str, status: int) -> None:
    page = anna.open(path, method=method)
    assert page.status == status
    assert page.response.mimetype == "text/html"
    assert page.heading
    assert f"Error {status}" in page.text


def test_errors_speak_the_visitors_language(app: Flask) -> None:
    page = Person(app, language="de").open("/nothing")
    assert page.heading == "Hier ist nichts"


def test_a_form_that_is_too_large(anna: Person, alma: Shop) -> None:
    address = f"/join/{alma.template('stamp')['slug']}"
    page = anna.post(address, first_name="x" * 5_000_000)
    assert page.status == 413
    assert page.response.mimetype == "text/html"


def test_an_accident_shows_nothing_of_the_inside(app: Flask) -> None:
    @app.get("/accident")
    def accident() -> str:
        raise RuntimeError("secret detail")

    page = Person(app).open("/accident")
    assert page.status == 500
    assert "secret detail" not in page.html
    assert page.heading == "Something went wrong here"


# --- pictures and colours ------------------------------------------------------------------------


def test_pictures_are_kept_for_ever_and_can_do_nothing(alma: Shop, anna: Person) -> None:
    file = io.BytesIO()
    Image.new("RGB", (660, 660), "#0f3d3e").save(file, "PNG")
    uploaded = alma.client.put(
        "/api/v1/pictures/icon",
        data=file.getvalue(),
        headers={"Authorization": f"Bearer {alma.key}", "Content-Type": "image/png"},
    )
    assert uploaded.status_code == 201, uploaded.text
    made = alma.template("stamp", look={"icon": uploaded.json["id"]})
    card = alma.card(made["id"])
    page = anna.open(card["links"]["pwa"].removeprefix("http://127.0.0.1:8000"))
    address = page.one(r'rel="apple-touch-icon" href="http://127.0.0.1:8000([^"]+)"')
    answer = anna.open(address).response
    assert answer.mimetype == "image/png"
    assert Image.open(io.BytesIO(answer.data)).size == (180, 180)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    foreign = address.replace(address.split("/")[2], "0" * 32)
    assert anna.open(foreign).status == 404
    assert anna.open(address.replace("pwa-touch-180", "pwa-touch-181")).status == 404


def test_colours_stand_in_the_address(anna: Person) -> None:
    answer = anna.open("/theme/0f3d3e-ffffff-a9d6d2.css").response
    assert answer.mimetype == "text/css"
    assert answer.text == ":root{--card:#0f3d3e;--card-ink:#ffffff;--card-label:#a9d6d2}\n"


@pytest.mark.parametrize(
    "colours", ["red-ffffff-a9d6d2", "0f3d3e-ffffff-}a{b", "0F3D3E-ffffff-000000"]
)
def test_what_is_no_colour_is_not_found(anna: Person, colours: str) -> None:
    assert anna.open(f"/theme/{colours}.css").status == 404


# --- what every answer carries -------------------------------------------------------------------


@pytest.fixture
def addresses(alma: Shop) -> list[str]:
    made = alma.template("stamp")
    links = alma.card(made["id"])["links"]
    page = links["pwa"].removeprefix("http://127.0.0.1:8000")
    install = links["install"].removeprefix("http://127.0.0.1:8000")
    return [
        "/", "/dashboard/", "/healthz", "/robots.txt", "/nothing", "/api/v1/cards", "/api/docs",
        f"/join/{made['slug']}", install, f"{install}/apple", f"{install}/pwa", page,
        f"{page}state.json", f"{page}manifest.webmanifest", f"{page}theme.css", "/c/unknown/",
        "/theme/0f3d3e-ffffff-a9d6d2.css", "/wallet/apple/x/v1/passes/x/1",
    ]  # fmt: skip


def test_every_answer_has_the_headers(anna: Person, addresses: list[str]) -> None:
    for path in addresses:
        said = anna.open(path).response.headers
        assert said["Content-Security-Policy"] == headers.CONTENT_SECURITY_POLICY, path
        assert said["X-Content-Type-Options"] == "nosniff", path
        assert said["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "camera=()" in said["Permissions-Policy"], path
        assert said["Referrer-Policy"] in {"no-referrer", "same-origin"}, path
        assert "Strict-Transport-Security" not in said, "this is not https"
        assert said["Cache-Control"], path


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    policy = headers.CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    for directive in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy


def test_personal_pages_send_nobody_else_a_referrer_and_stay_out_of_shared_caches(
    anna: Person, addresses: list[str]
) -> None:
    for path in addresses:
        if path.startswith(("/c/", "/i/")):
            response = anna.open(path).response
            said = response.headers
            # A card's page has a form: what it sends must be recognisable as its own.
            has_form = response.status_code == 200 and b"<form" in response.data
            policy = "same-origin" if has_form else "no-referrer"
            assert said["Referrer-Policy"] == policy, path
            assert "noindex" in said["X-Robots-Tag"], path
            assert "public" not in said["Cache-Control"], path


def test_https_is_kept_to(parts: Parts) -> None:
    app = Flask("public")
    headers.init_app(app, "https://karten.example.de")
    said = app.test_client().get("/").headers
    assert said["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(anna: Person) -> None:
    page = anna.open("/")
    styles = re.findall(r'<link rel="stylesheet" href="(/static/[^"]+)"', page.html)
    assert len(styles) == 2
    for address in styles:
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        said = anna.open(address).response
        assert said.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert said.mimetype == "text/css"
        assert (
            "immutable"
            not in anna.open(address.partition("?")[0]).response.headers["Cache-Control"]
        )
    assert anna.open("/static/../pages.py").status == 404


def test_pages_hold_nothing_inline(anna: Person, addresses: list[str], alma: Any) -> None:
    for path in addresses:
        answer = anna.open(path)
        if answer.response.mimetype == "text/html":
            assert " style=" not in answer.html, path
            assert "<style" not in answer.html, path
            assert not re.search(r"\son\w+=", answer.html), path
            assert not re.search(r"<script(?![^>]*src=)", answer.html), path
