"""Makes or finds the demo merchant, and says how to try it."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from pathlib import Path
from typing import Any

import orjson

import migrations
from commands.parts import Assemble, Parts
from passes import clock
from passes.cards import cards
from passes.demo import kranz
from passes.merchants import api_keys, directory
from passes.settings import Settings
from web import Services
from web.api import shown

_FILE = "demo.json"
"""In the data folder: the demo's password and API key, which the database does not hold."""


def run(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    parts = assemble(settings)
    migrations.upgrade(parts.store.engine)
    found = make_or_find(parts)
    if parsed.json:
        print(json.dumps(found, default=str, ensure_ascii=False))
    else:
        print_for_people(found)
    return 0


def make_or_find(parts: Parts) -> dict[str, Any]:
    """What ``treuepass demo --json`` prints (contract §1)."""
    now = clock.now()
    services: Services = parts.app.extensions["treuepass"]
    file = parts.settings.data_dir / _FILE
    demo = kranz.find(parts.store)
    secrets_ = _read(file)
    if demo is None:
        secrets_ = {"password": secrets.token_urlsafe(12)}
        demo = kranz.make(parts.store, services.picture_sizes, secrets_["password"], now)
    with parts.store.read_all() as session:
        found = directory.find(session, directory.Known.MERCHANT, demo.slug)
    assert found is not None  # noqa: S101 - it was made or found above
    if "api_key" not in secrets_:
        with parts.store.write(found.merchant_id) as session:
            secrets_["api_key"] = api_keys.create(session, name="demo", scopes=["all"], now=now)
        _write(file, secrets_)
    base_url = parts.settings.base_url
    with parts.store.read(found.merchant_id) as session:
        card = cards.get(session, demo.card_serial)
        shown_card = shown.card(session, card, services, now)
    return {
        "merchant": demo.slug,
        "dashboard": {
            "url": f"{base_url}/dashboard/",
            "email": kranz.OWNER,
            "password": secrets_.get("password", ""),
        },
        "api_key": secrets_["api_key"],
        "templates": [
            {
                "id": str(template.id),
                "kind": template.kind.value,
                "name": template.definition.name["de"],
                "sign_up_url": f"{base_url}/join/{template.slug}",
            }
            for template in demo.templates
        ],
        "card": orjson.loads(orjson.dumps(shown_card, option=orjson.OPT_UTC_Z)),
    }


def print_for_people(found: dict[str, Any]) -> None:
    """The same for the eye, with what to do first."""
    dashboard = found["dashboard"]
    print("\nCafé Kranz is open.\n")
    for template in found["templates"]:
        print(f"  Sign-up link   {template['sign_up_url']}   ({template['name']})")
    print(f"  Install link   {found['card']['links']['install']}")
    print(f"  API key        {found['api_key']}")
    print(f"  API            {dashboard['url'].removesuffix('dashboard/')}api/docs")
    print(f"  Dashboard      {dashboard['url']}")
    print(f"                 {dashboard['email']}   {dashboard['password']}\n", flush=True)


def _read(file: Path) -> dict[str, str]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _write(file: Path, content: dict[str, str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(content, opened)
