"""The pass that a customer downloads, read as a phone and an auditor read it (contract §4)."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Clock, Shop

KINDS = (
    "stamp", "multipass", "cashback", "gift", "coupon", "discount", "membership", "points",
)  # fmt: skip
STYLES = {"coupon": "coupon", "membership": "generic"}


def download(shop: Shop, card: Any) -> zipfile.ZipFile:
    address = card["links"]["apple"].removeprefix("http://127.0.0.1:8000")
    answer = shop.client.get(address)
    assert answer.status_code == 200
    assert answer.content_type == "application/vnd.apple.pkpass"
    return zipfile.ZipFile(io.BytesIO(answer.data))


def fields_of(shown: Any, style: str) -> dict[str, Any]:
    return {field["key"]: field for group in shown[style].values() for field in group}


def test_the_signature_holds_and_every_hash_is_right(
    alma: Shop, tmp_path: Path, certificates: Path
) -> None:
    file = download(alma, alma.card(alma.template("multipass")["id"]))
    manifest = file.read("manifest.json")
    assert set(file.namelist()) == {*json.loads(manifest), "manifest.json", "signature"}
    for name, digest in json.loads(manifest).items():
        assert hashlib.sha1(file.read(name)).hexdigest() == digest
    for name in ("manifest.json", "signature"):
        (tmp_path / name).write_bytes(file.read(name))
    subprocess.run(
        ["openssl", "cms", "-verify", "-purpose", "any", "-inform", "DER",
         "-in", tmp_path / "signature", "-content", tmp_path / "manifest.json",
         "-CAfile", certificates / "root.pem", "-out", "/dev/null"],
        check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_says_when_it_changes(alma: Shop, kind: str) -> None:
    card = alma.card(alma.template(kind)["id"])
    shown = json.loads(download(alma, card).read("pass.json"))
    style = STYLES.get(kind, "storeCard")
    assert style in shown
    figures = [
        field for field in fields_of(shown, style).values() if not isinstance(field["value"], str)
    ]
    for field in figures:
        assert "%@" in field["changeMessage"], field["key"]
    assert shown["barcodes"][0]["message"] == card["code"]
    assert shown["barcodes"][0]["format"] == "PKBarcodeFormatQR"


def test_the_pass_shows_the_figures_in_three_languages(now: Clock, alma: Shop) -> None:
    template = alma.template(
        "multipass", expiry={"kind": "days_after_issue", "days": 30}, texts={"terms": "Nett sein."}
    )
    alma.post("/locations", {"name": "Mitte", "latitude": 52.5, "longitude": 13.4})
    card = alma.card(template["id"])
    now.move(seconds=1)
    alma.post(f"/cards/{card['id']}/add-visits", {"value": 7})
    file = download(alma, card)
    shown = json.loads(file.read("pass.json"))
    fields = fields_of(shown, "storeCard")
    assert fields["available_visits"]["value"] == 7
    assert fields["customer_name"]["value"] == "Anna"
    assert shown["expirationDate"] == "2026-12-21T22:59:59Z"
    assert shown["locations"][0]["latitude"] == 52.5
    assert card["links"]["referral"] in fields["referral"]["attributedValue"]
    label = fields["available_visits"]["label"]
    for language, words in (
        ("de", "Verfügbare Besuche"),
        ("en", "Available visits"),
        ("nl", "Beschikbare bezoeken"),
    ):
        strings = file.read(f"{language}.lproj/pass.strings").decode("utf-16")
        assert f'"{label}" = "{words}";' in strings


def test_S1_41_an_edit_of_the_profile_leaves_the_card_alone(alma: Shop) -> None:
    card = alma.card(
        alma.template("multipass")["id"], customer={"first_name": "Anna", "last_name": "Mayer"}
    )
    alma.call("PATCH", f"/customers/{card['customer']['id']}", {"first_name": "Hanna"})
    after = alma.get(f"/cards/{card['id']}")
    assert after["customer"]["first_name"] == "Hanna"
    assert after["version"] == card["version"]
    fields = fields_of(json.loads(download(alma, card).read("pass.json")), "storeCard")
    assert fields["customer_name"]["value"] == "Anna M."
