"""Runs inside a peer's environment: makes passes as its README says and prints how many a second.

python peer_script.py NAME CERTIFICATES PICTURES SECONDS
"""

import importlib
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASS_TYPE_ID = "pass.example.treuepass"
TEAM_ID = "EXAMPLE123"
BACK = (
    ("terms", "Die Karte gilt für Heißgetränke. Keine Barauszahlung. " * 7, "Bedingungen"),
    ("referral", "http://127.0.0.1:8000/r/K7QW2MXA", "Empfehlen"),
    ("website", "https://cafe-kranz.example", "Webseite"),
    ("phone", "+49 30 901820", "Telefon"),
    ("address", "Oranienstraße 21, Berlin", "Adresse"),
)


def passbook_like(module: str, certificates: Path, pictures: Path) -> Callable[[int], bytes]:
    """py-pkpass and wallet-py3k, both descendants of the library "passbook"."""
    models: Any = importlib.import_module(module)

    def make(number: int) -> bytes:
        info = models.StoreCard()
        info.addHeaderField("visits", str(number % 10), "Besuche")
        info.addSecondaryField("name", f"Ada L. {number}", "Name")
        info.addAuxiliaryField("until", "31.12.2027", "Gültig bis")
        for key, value, label in BACK:
            info.addBackField(key, value, label)
        made = models.Pass(
            info,
            passTypeIdentifier=PASS_TYPE_ID,
            organizationName="Café Kranz",
            teamIdentifier=TEAM_ID,
        )
        made.serialNumber = f"{number:012d}"
        made.description = "Zehnerkarte"
        made.barcode = models.Barcode(message=f"{number:016d}", format=models.BarcodeFormat.QR)
        made.webServiceURL = "http://127.0.0.1:8000/wallet/apple"
        made.authenticationToken = f"{number:032x}"
        for path in sorted(pictures.glob("*.png")):
            with path.open("rb") as file:
                made.addFile(path.name, file)
        body: io.BytesIO = made.create(
            str(certificates / "pass.pem"),
            str(certificates / "pass.key"),
            str(certificates / "wwdr.pem"),
            "",
        )
        return body.getvalue()

    return make


def django_walletpass(certificates: Path, pictures: Path) -> Callable[[int], bytes]:
    """The builder of django-walletpass, with its settings but without a database."""
    conf: Any = importlib.import_module("django.conf")
    conf.settings.configure(
        SECRET_KEY="opens nothing",
        INSTALLED_APPS=["django_walletpass"],
        WALLETPASS={
            "CERT_PATH": str(certificates / "pass.pem"),
            "KEY_PATH": str(certificates / "pass.key"),
            "APPLE_WWDRCA_PEM_PATH": str(certificates / "wwdr.pem"),
            "PASS_TYPE_ID": PASS_TYPE_ID,
            "TEAM_ID": TEAM_ID,
            "SERVICE_URL": "http://127.0.0.1:8000/wallet/apple",
        },
    )
    django: Any = importlib.import_module("django")
    django.setup()
    services: Any = importlib.import_module("django_walletpass.services")

    def make(number: int) -> bytes:
        builder = services.PassBuilder()
        builder.pass_data.update(
            {
                "formatVersion": 1,
                "organizationName": "Café Kranz",
                "description": "Zehnerkarte",
                "barcode": {
                    "message": f"{number:016d}",
                    "format": "PKBarcodeFormatQR",
                    "messageEncoding": "iso-8859-1",
                },
                "storeCard": {
                    "headerFields": [field("visits", str(number % 10), "Besuche")],
                    "secondaryFields": [field("name", f"Ada L. {number}", "Name")],
                    "auxiliaryFields": [field("until", "31.12.2027", "Gültig bis")],
                    "backFields": [field(*line) for line in BACK],
                },
            }
        )
        builder.pass_data_required.update({"serialNumber": f"{number:012d}"})
        for path in sorted(pictures.glob("*.png")):
            builder.add_file(path.name, path.read_bytes())
        body: bytes = builder.build()
        return body

    return make


def field(key: str, value: str, label: str) -> dict[str, str]:
    return {"key": key, "value": value, "label": label}


def main() -> None:
    name, certificates, pictures, seconds = sys.argv[1:]
    folders = Path(certificates), Path(pictures)
    makers = {
        "py-pkpass": lambda: passbook_like("py_pkpass.models", *folders),
        "wallet-py3k": lambda: passbook_like("wallet.models", *folders),
        "django-walletpass": lambda: django_walletpass(*folders),
    }
    make = makers[name]()
    names = zipfile.ZipFile(io.BytesIO(make(0))).namelist()
    assert {"pass.json", "manifest.json", "signature", "strip@2x.png"} <= set(names)
    start = time.perf_counter()
    number = 0
    while (taken := time.perf_counter() - start) < float(seconds):
        number += 1
        make(number)
    print(json.dumps({"per_second": number / taken}))


if __name__ == "__main__":
    main()
