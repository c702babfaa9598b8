"""A Google account on the command line: entered, listed, and asked about by ``doctor --online``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import migrations
from app import assemble
from passes.merchants import merchants
from passes.settings import read_settings
from tests.commands.conftest import Done
from tests.conftest import Clock
from tests.fakes.google import EMAIL, FakeGoogle

ISSUER_ID = "3388000000022222222"
CLASS_ID, OBJECT_ID = f"{ISSUER_ID}.class", f"{ISSUER_ID}.pass"

Run = Callable[..., Done]


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch, now: Clock) -> Iterator[FakeGoogle]:
    """Where the settings of the process say that Google is."""
    with FakeGoogle() as google:
        google.clock = lambda: now().timestamp()
        google.before_answering = lambda request: now.move(seconds=1)  # or the pace would hold
        monkeypatch.setenv("TREUEPASS_GOOGLE_API_BASE", google.api_base)
        yield google


@pytest.fixture
def file(google: FakeGoogle, tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(google.service_account()))
    return path


@pytest.fixture
def shops(data_dir: Path, now: Clock) -> None:
    """Alma and Bruno."""
    parts = assemble(read_settings())
    migrations.upgrade(parts.store.engine)
    for name in ("Alma", "Bruno"):
        merchants.set_up(parts.store, name=name, now=now())
    parts.store.close()


def enter(treuepass: Run, file: Path, merchant: str = "alma") -> Done:
    return treuepass("certs", "google", "--merchant", merchant, "--issuer", ISSUER_ID, str(file))


def lines_of_google(done: Done, merchant: str) -> list[tuple[str, str]]:
    return [
        (line["state"], line["sentence"])
        for line in done.json
        if line["subject"] == "Google Wallet" and line["sentence"].startswith(f"{merchant}: ")
    ]


@pytest.mark.usefixtures("shops")
def test_an_account_is_entered_and_listed(treuepass: Run, google: FakeGoogle, file: Path) -> None:
    done = enter(treuepass, file)
    assert (done.code, done.err) == (0, "")
    first, hint = done.out.splitlines()
    assert first == f"{ISSUER_ID}  {EMAIL}"
    assert "Demo mode" in hint
    assert f"alma  google  {ISSUER_ID}  {EMAIL}" in treuepass("certs", "list").out
    assert treuepass("certs", "list", "--merchant", "bruno").out.startswith("No credentials yet")


@pytest.mark.usefixtures("shops")
def test_what_cannot_be_used_is_said_in_a_sentence_and_not_stored(
    treuepass: Run, google: FakeGoogle, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "noise.json").write_bytes(b"\xff\x00")
    for name, said in (
        ("none.json", "cannot be read: No such file"),
        ("broken.json", "service_account: The Google service account must be the JSON key file"),
        ("noise.json", "service_account: The Google service account must be the JSON key file"),
    ):
        done = enter(treuepass, tmp_path / name)
        assert done.code == 1
        assert said in done.err
    google.refuse(403, "permissionDenied", message="Permission denied.")
    done = enter(treuepass, file)
    assert (done.code, done.out) == (1, "")
    assert f"service_account: Google does not let {EMAIL} work for issuer" in done.err
    assert treuepass("certs", "list").out.startswith("No credentials yet")


@pytest.mark.usefixtures("shops")
def test_doctor_asks_google_only_when_it_is_told_to(
    treuepass: Run, google: FakeGoogle, file: Path
) -> None:
    for merchant in ("alma", "bruno"):
        assert enter(treuepass, file, merchant).code == 0
    google.requests.clear()
    assert lines_of_google(treuepass("doctor", "--json"), "Alma") == [("ok", f"Alma: {ISSUER_ID}")]
    assert google.requests == []
    [(state, sentence)] = lines_of_google(treuepass("doctor", "--json", "--online"), "Bruno")
    assert state == "note"
    assert sentence.startswith(f"Bruno: {ISSUER_ID}: Google takes this account")
    assert {seen.method for seen in google.requests} == {"GET"}


@pytest.mark.usefixtures("shops")
def test_doctor_has_google_judge_a_save_link(
    treuepass: Run, google: FakeGoogle, file: Path
) -> None:
    enter(treuepass, file)
    google.resources[f"loyaltyClass/{CLASS_ID}"] = {"id": CLASS_ID}
    google.resources[f"loyaltyObject/{OBJECT_ID}"] = {"id": OBJECT_ID, "classId": CLASS_ID}
    done = treuepass("doctor", "--json", "--online")
    assert lines_of_google(done, "Alma") == [("ok", f"Alma: {ISSUER_ID}")]
    assert google.requests[-1].path == "jwt/validate"

    google.refuse(400, "invalid", message="The signer is not known.", only_if='"jwt"')
    done = treuepass("doctor", "--json", "--online")
    [(state, sentence)] = lines_of_google(done, "Alma")
    assert state == "broken"
    assert "refuses the save links" in sentence
    assert "The signer is not known." in sentence
    assert done.code == 1


@pytest.mark.usefixtures("shops")
def test_doctor_calls_an_account_broken_that_google_let_go(
    treuepass: Run, google: FakeGoogle, file: Path
) -> None:
    enter(treuepass, file)
    google.refuse(403, "permissionDenied", message="Permission denied.")
    done = treuepass("doctor", "--json", "--online")
    [(state, sentence)] = lines_of_google(done, "Alma")
    assert (done.code, state) == (1, "broken")
    assert "Invite this address as a Developer" in sentence
    assert "PRIVATE" not in done.out

    google.refuse(503)
    [(state, sentence)] = lines_of_google(treuepass("doctor", "--json", "--online"), "Alma")
    assert state == "note"
    assert "could not be asked" in sentence
