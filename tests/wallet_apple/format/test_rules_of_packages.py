"""One thing is broken in the package of a valid pass, and the validator says just that."""

import io
import json
import subprocess
import zipfile
from datetime import timedelta

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
    pkcs7,
)

from certs_example.make import issue_pass_certificate
from wallet_apple.format import der
from wallet_apple.format.archive import MOST_FILES
from wallet_apple.format.check import check_package
from wallet_apple.format.template import packed

DETACHED = [
    pkcs7.PKCS7Options.DetachedSignature,
    pkcs7.PKCS7Options.Binary,
    pkcs7.PKCS7Options.NoCapabilities,
]


@pytest.fixture(scope="session")
def files(base, base_files):
    return {**base_files, "pass.json": json.dumps(base()).encode()}


@pytest.fixture(scope="session")
def authority(certificates):
    wwdr = x509.load_pem_x509_certificate((certificates / "wwdr.pem").read_bytes())
    return wwdr, load_pem_private_key((certificates / "wwdr.key").read_bytes(), None)


def unpack(body):
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        return {name: package.read(name) for name in package.namelist()}


def pack(files, method=zipfile.ZIP_DEFLATED):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return body.getvalue()


def short(found):
    return [(level, where) for level, where, _ in found]


def test_a_valid_pass_stored_or_deflated(remarks_on_package, signed):
    assert remarks_on_package(signed) == []
    # As Apple's own tool packs: deflated, and with entries for folders.
    assert remarks_on_package(pack({**unpack(signed), "de.lproj/": b""})) == []


# --- manifest and files --------------------------------------------------------------------------


def test_a_file_that_is_not_listed(remarks_on_package, signed):
    found = remarks_on_package(pack({**unpack(signed), "userdata.bin": b"x"}))
    assert short(found) == [("error", "userdata.bin")]
    assert "not listed" in found[0][2]


def test_a_listed_file_that_is_missing(remarks_on_package, signed):
    files = unpack(signed)
    del files["icon@3x.png"]
    assert short(remarks_on_package(pack(files))) == [
        ("error", "manifest.json"), ("warning", "icon@3x.png"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX/._icon.png", "._pass.json", "Thumbs.db"])
def test_what_comes_along_by_accident(remarks_on_package, sign, files, name):
    found = remarks_on_package(sign({**files, name: b"x"}))
    assert short(found) == [("error", name)]
    assert "by accident" in found[0][2]


def test_an_enclosing_folder(remarks_on_package, signed):
    inside = {f"card.pass/{name}": body for name, body in unpack(signed).items()}
    assert short(remarks_on_package(pack(inside))) == [("error", "card.pass")]


@pytest.mark.parametrize("name", ["manifest.json", "signature", "pass.json"])
def test_a_part_that_is_missing(remarks_on_package, signed, name):
    files = unpack(signed)
    del files[name]
    assert ("error", name) in short(remarks_on_package(pack(files)))


def resigned(files, manifest, sign_bytes):
    return pack({**files, "manifest.json": manifest, "signature": sign_bytes(manifest)})


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (lambda m: json.dumps({**m, "icon.png": m["icon.png"].upper()}), "icon.png", "SHA-1"),
        (lambda m: json.dumps({**m, "icon.png": 5}), "icon.png", "SHA-1"),
        (lambda m: json.dumps({**m, "signature": "0"}), "manifest.json", "must not be listed"),
        (lambda m: "[]", "manifest.json", "object in braces"),
        (lambda m: json.dumps(m)[:-1] + ",}", "manifest.json", "comma too many"),
        (lambda m: "\ufeff" + json.dumps(m), "manifest.json", "byte order mark"),
        (lambda m: json.dumps(m)[:-1] + f', "icon.png": "{m["icon.png"]}"}}', "manifest.json",
         "stands twice"),
    ],
)  # fmt: skip
def test_manifests(remarks_on_package, signed, credentials, now, change, where, words):
    files = unpack(signed)
    manifest = change(json.loads(files["manifest.json"])).encode()
    found = remarks_on_package(resigned(files, manifest, lambda m: credentials.sign(m, now)))
    assert short(found) == [("error", where)]
    assert words in found[0][2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no valid JSON"),
        (b"{'a': 1}", "no valid JSON"),
        (b'{"a": 1,}', "comma too many"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        (b'{"a": NaN}', "no valid JSON"),
        (b'{"a": "\\ud800"}', "no valid JSON"),
        (b'{"a": "\xe4"}', "no valid JSON"),
        (b'"text"', "object in braces"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "32 levels"),
        (b'{"a":' * 100_000, "no valid JSON"),
        (b'{"a": 1}' + b" " * 2**20, "more than 1 MB"),
        (b'{"a":' + b"9" * 5000 + b"}", "no valid JSON"),
    ],
)
def test_json_is_read_strictly(remarks_on_package, sign, base_files, body, words):
    found = remarks_on_package(sign({**base_files, "pass.json": body}))
    [sentence] = [sentence for _, where, sentence in found if where == "pass.json"]
    assert words in sentence


# --- signature -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def signed_by(files, authority):
    """Signs the files anew; what is made differently is given."""

    def make(leaf, key, *, algorithm=None, options=DETACHED, enclosed=None):
        wwdr = authority[0] if enclosed is None else enclosed

        def sign(manifest):
            builder = (
                pkcs7.PKCS7SignatureBuilder()
                .set_data(manifest)
                .add_signer(leaf, key, algorithm or hashes.SHA256())
            )
            for certificate in [wwdr] if wwdr else []:
                builder = builder.add_certificate(certificate)
            return builder.sign(Encoding.DER, options)

        return packed(files, sign)

    return make


@pytest.fixture
def at_now(now):
    """The independent signer reads the clock itself."""
    with time_machine.travel(now, tick=False):
        yield


@pytest.mark.usefixtures("at_now")
def test_signers_of_other_kinds(remarks_on_package, signed_by, authority, now):
    elliptic = ec.generate_private_key(ec.SECP256R1())
    leaf = issue_pass_certificate(elliptic.public_key(), authority[0], authority[1], now)
    assert remarks_on_package(signed_by(leaf, elliptic)) == []
    large = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = issue_pass_certificate(large.public_key(), authority[0], authority[1], now)
    assert remarks_on_package(signed_by(leaf, large, algorithm=hashes.SHA384())) == []
    with_capabilities = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    assert remarks_on_package(signed_by(leaf, large, options=with_capabilities)) == []


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize(
    ("made", "where", "words"),
    [
        ({"options": [pkcs7.PKCS7Options.Binary]}, "signature", "detached"),
        (
            {"options": [*DETACHED[:2], pkcs7.PKCS7Options.NoAttributes]},
            "signature",
            "signing time",
        ),
        ({"enclosed": False}, "signature", "generation G4"),
        ({"options": [*DETACHED, pkcs7.PKCS7Options.NoCerts]}, "signature", "is not enclosed"),
        ({"pass_type_id": "pass.example.other"}, "passTypeIdentifier", "pass.example.other"),
        ({"team_id": "OTHER12345"}, "teamIdentifier", "OTHER12345"),
        ({"life": timedelta(seconds=-60)}, "signature", "holds from"),
    ],
)
def test_signatures_made_wrongly(
    remarks_on_package, signed_by, authority, credentials, now, made, where, words
):
    subject = {name: made[name] for name in ("pass_type_id", "team_id", "life") if name in made}
    how = {name: value for name, value in made.items() if name not in subject}
    leaf = issue_pass_certificate(
        credentials.key.public_key(), authority[0], authority[1], now, **subject
    )
    found = remarks_on_package(signed_by(leaf, credentials.key, **how))
    assert short(found) == [("error", where)]
    assert words in found[0][2]


def test_a_stranger_signed(signed_by, authority, remarks_on_package, credentials, now):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = issue_pass_certificate(credentials.key.public_key(), authority[0], stranger, now)
    found = remarks_on_package(signed_by(leaf, credentials.key))
    assert ("error", "signature") in short(found)


def test_nfc_needs_its_own_certificate(remarks_on_package, change, base_files, sign):
    nfc = {
        "message": "x",
        "encryptionPublicKey": (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGH"
            "sqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
        ),
    }
    body = json.dumps(change({"nfc": nfc})).encode()
    assert short(remarks_on_package(sign({**base_files, "pass.json": body}))) == [
        ("warning", "nfc")
    ]


def test_without_its_root_the_chain_is_not_known(signed):
    [note] = check_package(signed)
    assert (note.level.value, note.where) == ("note", "signature")
    assert "--root" in note.sentence


def test_a_signer_named_by_its_key(remarks_on_package, files, certificates, tmp_path):
    """Version 3 of SignerInfo, which real passes have too."""

    def sign(manifest):
        (tmp_path / "manifest.json").write_bytes(manifest)
        subprocess.run(
            ["openssl", "cms", "-sign", "-binary", "-keyid", "-outform", "DER",
             "-in", tmp_path / "manifest.json", "-signer", certificates / "pass.pem",
             "-inkey", certificates / "pass.key", "-certfile", certificates / "wwdr.pem",
             "-out", tmp_path / "signature"],
            check=True, capture_output=True,
        )  # fmt: skip
        return (tmp_path / "signature").read_bytes()

    found = remarks_on_package(packed(files, sign))
    # OpenSSL dates by the machine's clock, which need not be the time of the tests.
    assert [remark for remark in found if "was signed on" not in remark[2]] == []


def test_open_lengths_are_read_and_noted(remarks_on_package, signed):
    """BER, as older tools write it around the same parts."""
    files = unpack(signed)
    kind, wrapper = der.read(files["signature"]).children()
    [inner] = wrapper.children()
    files["signature"] = (
        b"\x30\x80" + kind.whole + b"\xa0\x80\x30\x80" + inner.body + bytes(2) + bytes(4)
    )
    assert short(remarks_on_package(pack(files))) == [("note", "signature")]


# --- hostile archives ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../pass.json", "/etc/passwd", "a/../b", "a//b", "a\\b", "C:x", "x" * 201, "a\nb"]
)
def test_forbidden_names(remarks_on_package, signed, name):
    found = remarks_on_package(pack({**unpack(signed), name: b"x"}))
    assert short(found) == [("error", "")]
    assert "forbidden name" in found[0][2]


def test_bombs(remarks_on_package, signed):
    zeros = bytes(33 * 1024 * 1024)
    assert "too large" in remarks_on_package(pack({**unpack(signed), "big": zeros}))[0][2]
    many = {f"{number}": zeros[: 8 * 1024 * 1024] for number in range(9)}
    assert "too large" in remarks_on_package(pack({**unpack(signed), **many}))[0][2]
    crowd = {str(number): b"" for number in range(MOST_FILES + 1)}
    assert "more than 1000 files" in remarks_on_package(pack(crowd))[0][2]


def test_a_file_twice(remarks_on_package, signed):
    body = io.BytesIO(signed)
    with zipfile.ZipFile(body, "a") as package, pytest.warns(UserWarning, match="Duplicate"):
        package.writestr("pass.json", b"{}")
    [(level, _, sentence)] = remarks_on_package(body.getvalue())
    assert level == "error"
    assert "twice" in sentence


def test_a_packing_that_wallet_does_not_know(remarks_on_package, signed):
    [(level, _, sentence)] = remarks_on_package(pack(unpack(signed), zipfile.ZIP_LZMA))
    assert level == "error"
    assert "plain ZIP" in sentence


# --- bundles -------------------------------------------------------------------------------------


def test_bundles(remarks_on_package, signed):
    ten = {f"{number}.pkpass": signed for number in range(10)}
    assert remarks_on_package(pack(ten)) == []
    assert short(remarks_on_package(pack({**ten, "x.pkpass": signed}))) == [("error", "")]
    assert short(remarks_on_package(pack({**ten, "readme": b""}))) == [("error", "readme")]
    assert short(remarks_on_package(pack({"a/1.pkpass": signed}))) == [("error", "a/1.pkpass")]
    spoilt = {"1.pkpass": signed, "2.pkpass": pack({**unpack(signed), "x": b""})}
    assert short(remarks_on_package(pack(spoilt))) == [("error", "2.pkpass: x")]
    nested = pack({"1.pkpass": pack({"2.pkpass": signed})})
    assert ("error", "1.pkpass: pass.json") in short(remarks_on_package(nested))
