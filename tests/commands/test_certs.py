"""The command line for certificates, end to end on a data folder of its own."""

from __future__ import annotations

import base64
import json
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import app
import migrations
from passes.merchants import merchants
from passes.settings import read_settings
from tests.conftest import MASTER_KEY, Clock
from tests.wallet_apple.authorities import PTID, Authority, key_pem, new_key, p12, pem

Run = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path, certificates: Path, now: Clock, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder; the settings of the process point there."""
    folder = tmp_path / "var"
    shutil.copytree(certificates, folder / "certs_example")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TREUEPASS_DATA_DIR", str(folder))
    monkeypatch.setenv("TREUEPASS_MASTER_KEY", MASTER_KEY)
    monkeypatch.delenv("TREUEPASS_DATABASE_URL", raising=False)
    return folder


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that ends with ``code``; what it said."""

    def go(*words: object, code: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["treuepass", *map(str, words)])
        capsys.readouterr()
        assert app.main() == code
        heard = capsys.readouterr()
        return heard.out or heard.err

    return go


@pytest.fixture
def shops(run: Run, data: Path, now: Clock) -> list[str]:
    """Alma and Bruno."""
    parts = app.assemble(read_settings())
    migrations.upgrade(parts.store.engine)
    for name in ("Alma", "Bruno"):
        merchants.set_up(parts.store, name=name, now=now())
    parts.store.close()
    return ["alma", "bruno"]


@pytest.fixture(scope="module")
def apple(certificates: Path) -> SimpleNamespace:
    g4, key = Authority.of_examples(certificates), new_key()
    leaf = g4.issue(key.public_key(), begins=Clock().moment - timedelta(days=1))
    return SimpleNamespace(g4=g4, g6=Authority.made("G6"), key=key, leaf=leaf)


def test_from_the_request_to_the_renewal(
    run: Run, shops: list[str], apple: SimpleNamespace, tmp_path: Path, now: Clock
) -> None:
    out = tmp_path / "alma.csr"
    said = run("certs", "csr", "--merchant", "alma", "--common-name", "Alma", "--out", out)
    assert "Its key stays here, sealed" in said
    request = x509.load_pem_x509_csr(out.read_bytes())
    assert "waits for its certificate" in run("certs", "list")
    assert run("certs", "list", "--merchant", "bruno").startswith("No credentials yet")

    cer = tmp_path / "pass.cer"
    leaf = apple.g4.issue(request.public_key(), begins=now() - timedelta(days=1), days=200)
    cer.write_bytes(leaf.public_bytes(Encoding.DER))
    said = run("certs", "import", "--merchant", "alma", cer)
    assert said == f"{PTID}  team TEAM123456  until {leaf.not_valid_after_utc:%Y-%m-%d}\n"
    assert f"alma  apple  {PTID}  team TEAM123456  until" in run("certs", "list")
    assert f"Alma: {PTID}, until {leaf.not_valid_after_utc:%Y-%m-%d}" in run("doctor")

    now.set(f"{leaf.not_valid_after_utc - timedelta(days=6):%Y-%m-%dT%H:%M:%S+00:00}")
    assert "in 6 days. Get a new one today" in run("certs", "list")
    (line,) = [each for each in run("doctor").splitlines() if "Alma" in each]
    assert line.startswith("note")
    assert f"The Apple certificate for {PTID} ends on" in line

    newer = apple.g4.issue(request.public_key(), begins=now())
    cer.write_bytes(newer.public_bytes(Encoding.DER))
    run("certs", "import", "--merchant", "alma", cer)
    (account,) = json.loads(run("certs", "list", "--json"))
    assert len(account["certificates"]) == 2
    assert (account["merchant"], account["findings"], account["pending"]) == ("alma", [], False)
    assert "PRIVATE" not in json.dumps(account)


def test_a_request_on_standard_output_is_nothing_but_the_request(
    run: Run, shops: list[str]
) -> None:
    said = run("certs", "csr", "--merchant", "alma", "--common-name", "A", "--email", "a@b.example")
    assert said.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert said.endswith("-----END CERTIFICATE REQUEST-----\n")


def test_files_are_told_apart_by_what_is_in_them(
    run: Run, shops: list[str], apple: SimpleNamespace, tmp_path: Path
) -> None:
    leaf = apple.g6.issue(apple.key.public_key(), "pass.de.alma.zweite")
    for name, content in (
        ("c.pem", pem(apple.leaf)),
        ("k.pem", key_pem(apple.key, "geheim ☕")),
        ("word.txt", "geheim ☕\n"),
        ("six.pem", pem(leaf)),
        ("wwdr.cer", ""),
    ):
        (tmp_path / name).write_text(content)
    (tmp_path / "wwdr.cer").write_bytes(apple.g6.certificate.public_bytes(Encoding.DER))
    (tmp_path / "both.p12").write_bytes(base64.b64decode(p12(apple.key, apple.leaf, "geheim ☕")))
    word = ("--password-file", tmp_path / "word.txt")
    to_alma = ("certs", "import", "--merchant", "alma")
    assert PTID in run(*to_alma, tmp_path / "k.pem", tmp_path / "c.pem", *word)
    assert PTID in run(*to_alma, tmp_path / "both.p12", *word)
    refusal = run(*to_alma, tmp_path / "six.pem", code=1)
    assert "wwdr: Apple's intermediate certificate is missing. Download" in refusal
    assert "generation G6" in refusal
    assert "pass.de.alma.zweite" in run(
        *to_alma, tmp_path / "six.pem", "--wwdr", tmp_path / "wwdr.cer"
    )
    assert len(run("certs", "list").splitlines()) == 2


def test_what_is_wrong_is_said_in_a_sentence(
    run: Run, shops: list[str], apple: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "c.pem").write_text(pem(apple.leaf))
    (tmp_path / "x.p12").write_bytes(b"garbage")
    one = tmp_path / "c.pem"
    for words, said in (
        (("import", "--merchant", "alma", one), "private_key: No request made here"),
        (("import", "--merchant", "alma", one, one), "second file of this kind"),
        (("import", "--merchant", "alma", tmp_path / "none.cer"), "No such file"),
        (("import", "--merchant", "alma", tmp_path / "x.p12"), "p12: The .p12 file cannot be read"),
        (("import", "--merchant", "nobody", one), "There is no such merchant 'nobody'"),
        (("import", "--merchant", "alma", "--wallet", "toy", one), "There is no such wallet 'toy'"),
        (("csr", "--merchant", "alma", "--common-name", " "), "common_name: A request needs"),
    ):
        refusal = run("certs", *words, code=1)
        assert refusal.startswith("treuepass: ")
        assert said in refusal
        assert "Traceback" not in refusal


def test_doctor_calls_broken_what_stops_a_wallet(
    run: Run, shops: list[str], apple: SimpleNamespace, tmp_path: Path, now: Clock
) -> None:
    leaf = apple.g4.issue(apple.key.public_key(), begins=now() - timedelta(days=1), days=90)
    (tmp_path / "both.pem").write_text(pem(leaf) + key_pem(apple.key))
    run("certs", "import", "--merchant", "bruno", tmp_path / "both.pem")
    now.set(f"{leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%S+00:00}")
    heard = json.loads(run("doctor", "--json", code=1))
    (line,) = [each for each in heard if "Bruno" in each["sentence"]]
    assert (line["state"], line["subject"]) == ("broken", "Apple Wallet")
    assert "ended on" in line["sentence"]
    assert "Make a request here" in line["sentence"]


def test_the_examples_are_still_made(run: Run, data: Path) -> None:
    shutil.rmtree(data / "certs_example")
    said = run("certs", "example")
    assert str(data / "certs_example" / "pass.pem") in said.splitlines()
    mode = (data / "certs_example" / "pass.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
