"""For whom the example keys of test mode may speak: the test issuer, where nobody plays Google."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask.testing import FlaskClient

from commands.parts import Parts
from tests.conftest import Clock, Shop
from tests.fakes.google_callbacks import DAY, CallbackSigner, KeyServer
from tests.google_saves import GoogleSaves, enter_account, milliseconds
from wallet_google import root_keys
from wallet_google.credentials import TEST_ISSUER_ID

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ALMAS = "3388000000022222222"


@pytest.fixture
def signer() -> CallbackSigner:
    """Google itself."""
    return CallbackSigner()


@pytest.fixture
def keys(
    now: Clock, signer: CallbackSigner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KeyServer]:
    """In the place of Google's own document."""
    with KeyServer(signer.document(milliseconds() + 300 * DAY)) as server:
        monkeypatch.setattr(root_keys, "KEYS_URL", server.url)
        yield server


@pytest.fixture
def further_settings(request: pytest.FixtureRequest, keys: KeyServer) -> dict[str, str]:
    """None, or those that a test names; KEYS stands for the address of the document."""
    named: dict[str, str] = getattr(request, "param", {})
    return {name: value.replace("KEYS", keys.url) for name, value in named.items()}


@pytest.fixture
def example(parts: Parts) -> CallbackSigner:
    """Who has the private part of the example keys, as the simulator does."""
    pem = (parts.settings.data_dir / "certs_example" / "google-callback.key").read_bytes()
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return CallbackSigner(root=key)


@pytest.fixture
def card(alma: Shop) -> Any:
    return alma.card(alma.template("multipass")["id"])


def status(shop: Shop, card: Any) -> str:
    return shop.get(f"/cards/{card['id']}")["status"]


def test_the_example_keys_speak_for_the_test_issuer(
    alma: Shop, client: FlaskClient, example: CallbackSigner, keys: KeyServer, card: Any
) -> None:
    simulated = GoogleSaves(client, example, TEST_ISSUER_ID)
    assert simulated.save(card).status_code == 200
    assert status(alma, card) == "installed"
    assert simulated.delete(card).status_code == 200
    assert status(alma, card) == "deleted"
    assert keys.fetches == 0  # nothing leaves the machine


def test_nobody_else_speaks_for_the_test_issuer_then(
    alma: Shop, client: FlaskClient, signer: CallbackSigner, keys: KeyServer, card: Any
) -> None:
    assert GoogleSaves(client, signer, TEST_ISSUER_ID).save(card).status_code == 400
    assert (status(alma, card), keys.fetches) == ("not_installed", 0)


def test_the_example_keys_speak_for_no_other_issuer(
    parts: Parts, alma: Shop, client: FlaskClient, signer: Any, example: Any, card: Any
) -> None:
    enter_account(parts.store, alma, ALMAS)
    assert GoogleSaves(client, example, ALMAS).save(card).status_code == 400
    assert GoogleSaves(client, example, TEST_ISSUER_ID).save(card).status_code == 400
    assert status(alma, card) == "not_installed"
    assert GoogleSaves(client, signer, ALMAS).save(card).status_code == 200


@pytest.mark.parametrize(
    "further_settings",
    [
        {"TREUEPASS_GOOGLE_API_BASE": "http://127.0.0.1:9/walletobjects/v1"},
        {"TREUEPASS_GOOGLE_CALLBACK_KEYS_URL": "KEYS"},
    ],
    indirect=True,
)
def test_where_something_plays_google_the_test_issuer_is_like_any_other(
    alma: Shop, client: FlaskClient, signer: Any, example: Any, card: Any
) -> None:
    assert GoogleSaves(client, example, TEST_ISSUER_ID).save(card).status_code == 400
    assert status(alma, card) == "not_installed"
    assert GoogleSaves(client, signer, TEST_ISSUER_ID).save(card).status_code == 200
    assert status(alma, card) == "installed"


def test_without_the_example_keys_nobody_is_believed(
    parts: Parts, alma: Shop, client: FlaskClient, example: CallbackSigner, card: Any
) -> None:
    (parts.settings.data_dir / "certs_example" / "google-callback-keys.json").unlink()
    assert GoogleSaves(client, example, TEST_ISSUER_ID).save(card).status_code == 400
    assert status(alma, card) == "not_installed"
