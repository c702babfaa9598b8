"""The verifier: Tink's fourteen cases of ECv2SigningOnly with its keys, and what Tink leaves open.

The cases are those of PaymentMethodTokenRecipientTest.java (Tink, Apache-2.0), named as they are
there. Two of them look at the message's end, which wallets call by another name: that they may not
be over is in ``test_callbacks``.
"""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes import google_callbacks as tink
from tests.fakes.google_callbacks import DAY, CallbackSigner, private_key
from wallet_google import ecv2
from wallet_google.ecv2 import Refused, UnknownRoot

NOW = 1_790_000_000_000
RECIPIENT = "someRecipient"
PLAINTEXT = "plaintext"


@pytest.fixture
def google() -> CallbackSigner:
    """Tink's keys of this protocol."""
    return CallbackSigner(private_key(tink.TINK_ROOT), private_key(tink.TINK_INTERMEDIATE))


def listed(key: str = tink.TINK_ROOT_PUBLIC, **changes: object) -> dict:
    entry = {
        "keyValue": key,
        "protocolVersion": "ECv2SigningOnly",
        "keyExpiration": str(NOW + DAY),
        **changes,
    }
    return {name: value for name, value in entry.items() if value is not None}


def signed(google: CallbackSigner, message: str = PLAINTEXT) -> dict:
    return google.envelope(RECIPIENT, message, NOW + DAY)


def unsealed(envelope: dict, *keys: dict, recipient: str = RECIPIENT) -> str:
    """The message, if it holds; as Tink's ``unseal``."""
    roots = ecv2.root_keys(json.dumps({"keys": keys or [listed()]}).encode())
    read = ecv2.read(json.dumps(envelope).encode())
    ecv2.verify(read, recipient, roots, NOW)
    return read.message


def why(envelope: dict, *keys: dict, recipient: str = RECIPIENT) -> str:
    with pytest.raises(Refused) as refused:
        unsealed(envelope, *keys, recipient=recipient)
    return refused.value.why


def flipped(signature: str) -> str:
    raw = bytearray(base64.b64decode(signature))
    raw[0] ^= 0xFF
    return base64.b64encode(raw).decode()


# --- Tink's cases --------------------------------------------------------------------------------


def test_verify_ecv2_signing_only(google: CallbackSigner) -> None:
    assert unsealed(signed(google)) == PLAINTEXT
    assert tink.public_text(google.root) == tink.TINK_ROOT_PUBLIC
    assert tink.public_text(google.intermediate) == tink.TINK_INTERMEDIATE_PUBLIC


def test_should_fail_if_signed_message_was_changed(google: CallbackSigner) -> None:
    envelope = signed(google)
    envelope["signedMessage"] += " "
    assert why(envelope) == "signature"


def test_should_fail_with_wrong_sender_id(google: CallbackSigner) -> None:
    google.sender = "not-GooglePayPasses"
    assert why(signed(google)) == "root"
    google.sender = "Google"
    assert why(signed(google)) == "root"


def test_should_fail_if_verifying_with_different_key(google: CallbackSigner) -> None:
    assert why(signed(google), listed(tink.TINK_OTHER_PUBLIC)) == "root"


def test_should_fail_if_trusted_key_is_expired(google: CallbackSigner) -> None:
    assert why(signed(google), listed(keyExpiration=str(NOW - DAY))) == "root"
    assert why(signed(google), listed(keyExpiration=str(NOW))) == "root"
    assert unsealed(signed(google), listed(keyExpiration=str(NOW + 1))) == PLAINTEXT


def test_should_fail_if_key_expiration_is_missing_in_trusted_key(google: CallbackSigner) -> None:
    assert why(signed(google), listed(keyExpiration=None)) == "root"


def test_should_try_all_keys_to_verify_signature(google: CallbackSigner) -> None:
    assert unsealed(signed(google), listed(tink.TINK_OTHER_PUBLIC), listed()) == PLAINTEXT
    assert unsealed(signed(google), listed(), listed(tink.TINK_OTHER_PUBLIC)) == PLAINTEXT


def test_should_fail_if_signed_key_was_changed(google: CallbackSigner) -> None:
    envelope = signed(google)
    envelope["intermediateSigningKey"]["signedKey"] += " "
    assert why(envelope) == "root"


def test_should_fail_if_signature_for_signed_key_is_incorrect(google: CallbackSigner) -> None:
    envelope = signed(google)
    [correct] = envelope["intermediateSigningKey"]["signatures"]
    envelope["intermediateSigningKey"]["signatures"] = [flipped(correct)]
    assert why(envelope) == "root"


def test_should_try_verifying_all_signatures_for_signed_key(google: CallbackSigner) -> None:
    envelope = signed(google)
    [correct] = envelope["intermediateSigningKey"]["signatures"]
    envelope["intermediateSigningKey"]["signatures"] = [flipped(correct), correct]
    assert unsealed(envelope) == PLAINTEXT


def test_should_fail_with_wrong_recipient_id(google: CallbackSigner) -> None:
    assert why(signed(google), recipient="not" + RECIPIENT) == "signature"
    assert why(signed(google), recipient="merchant:" + RECIPIENT) == "signature"


def test_should_accept_non_expired_message(google: CallbackSigner) -> None:
    message = json.dumps({"messageExpiration": str(NOW + DAY)})
    assert unsealed(signed(google, message)) == message


def test_the_end_of_a_message_is_read_by_whoever_knows_its_name(google: CallbackSigner) -> None:
    """``testShouldFailIfECV2SigningOnlyMessageIsExpired``: wallets do not send this field."""
    message = json.dumps({"messageExpiration": str(NOW - DAY)})
    assert unsealed(signed(google, message)) == message


def test_should_fail_if_intermediate_signing_key_is_expired(google: CallbackSigner) -> None:
    for ended in (NOW - DAY, NOW):
        assert why(google.envelope(RECIPIENT, PLAINTEXT, ended)) == "key_expired"
    assert unsealed(google.envelope(RECIPIENT, PLAINTEXT, NOW + 1)) == PLAINTEXT


# --- what else decides ---------------------------------------------------------------------------


def test_lengths_count_bytes_not_characters(google: CallbackSigner) -> None:
    for text in ("Café Kranz", "🎂", "\u0000", "käse" * 100):
        assert unsealed(signed(google, text)) == text


def test_further_fields_do_no_harm(google: CallbackSigner) -> None:
    envelope = signed(google) | {"newInAnotherYear": {"a": [1]}}
    envelope["intermediateSigningKey"]["comment"] = None
    assert unsealed(envelope) == PLAINTEXT


@pytest.mark.parametrize("protocol", ["ECv1", "ECv2", "ecv2signingonly", "", None, 2, ["x"]])
def test_no_other_protocol_counts(google: CallbackSigner, protocol: object) -> None:
    assert why(signed(google) | {"protocolVersion": protocol}) == "protocol"
    assert why(signed(google), listed(protocolVersion=protocol)) == "root"


@pytest.mark.parametrize("end", ["", "soon", "-1", "1e99", 9_999_999_999_999, True, [], "9" * 19])
def test_an_end_that_is_none_disqualifies_a_key(google: CallbackSigner, end: object) -> None:
    assert why(signed(google), listed(keyExpiration=end)) == "root"
    signed_key = json.dumps({"keyValue": tink.TINK_INTERMEDIATE_PUBLIC, "keyExpiration": end})
    assert why(_with_key(google, signed_key)) == "key_expired"


def _spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _with_key(google: CallbackSigner, signed_key: str) -> dict:
    envelope = signed(google)
    proof = tink.signature(google.root, tink.SENDER, tink.PROTOCOL, signed_key)
    envelope["intermediateSigningKey"] = {"signedKey": signed_key, "signatures": [proof]}
    return envelope


@pytest.mark.parametrize("made", ["P-384", "secp256k1", "RSA", "off the curve", "none"])
def test_a_key_of_another_curve_is_none(google: CallbackSigner, made: str) -> None:
    curves: dict[str, ec.EllipticCurve] = {"P-384": ec.SECP384R1(), "secp256k1": ec.SECP256K1()}
    if made in curves:
        value = _spki(ec.generate_private_key(curves[made]))
    elif made == "RSA":
        value = _spki(rsa.generate_private_key(65537, 2048))
    elif made == "none":
        value = ""
    else:
        raw = bytearray(base64.b64decode(tink.TINK_INTERMEDIATE_PUBLIC))
        raw[-1] ^= 1
        value = base64.b64encode(raw).decode()
    key = json.dumps({"keyValue": value, "keyExpiration": str(NOW + DAY)})
    assert why(_with_key(google, key)) == "key"
    assert ecv2.root_keys(json.dumps({"keys": [listed(value)]}).encode()) == ()


def test_a_key_that_another_key_of_the_same_days_signed_is_not_trusted(
    google: CallbackSigner,
) -> None:
    """Who has a genuine key of these days must not make more of them."""
    other = ec.generate_private_key(ec.SECP256R1())
    forged = CallbackSigner(root=google.intermediate, intermediate=other)
    assert why(signed(forged)) == "root"


@pytest.mark.parametrize(
    "document",
    [b"", b"{}", b"[]", b"null", b'{"keys": {}}', b'{"keys": null}', b"<p>", b"\xff", b"[" * 9_000],
)
def test_a_document_that_is_none_is_refused(document: bytes) -> None:
    with pytest.raises(Refused):
        ecv2.root_keys(document)


def test_entries_that_cannot_be_read_do_not_spoil_the_others() -> None:
    entries: list[object] = [None, "x", 1, [], {}, listed("AAAA"), listed("%%"), listed(None)]
    document = json.dumps({"keys": [*entries, listed()], "more": 1}).encode()
    [key] = ecv2.root_keys(document)
    assert key.expires_at == NOW + DAY


def test_a_crowd_of_signatures_is_not_tried_out(google: CallbackSigner) -> None:
    envelope = signed(google)
    [correct] = envelope["intermediateSigningKey"]["signatures"]
    envelope["intermediateSigningKey"]["signatures"] = [flipped(correct)] * 8 + [correct]
    assert why(envelope) == "unreadable"


def test_a_refusal_holds_nothing_of_what_was_sent(google: CallbackSigner) -> None:
    envelope = signed(google, "a secret of somebody")
    envelope["signature"] = flipped(envelope["signature"])
    with pytest.raises(Refused) as refused:
        unsealed(envelope)
    assert "secret" not in repr(refused.value)
    assert "secret" not in repr(ecv2.read(json.dumps(envelope).encode()))
    assert not isinstance(refused.value, UnknownRoot)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_no_change_of_any_byte_makes_another_message(google: CallbackSigner, flip: int) -> None:
    """Each byte in turn: refused, or the change was none, as in the name of a further field."""
    roots = ecv2.root_keys(json.dumps({"keys": [listed()]}).encode())
    body = json.dumps(signed(google, "käse") | {"more": 1}).encode()
    believed = 0
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= flip
        try:
            read = ecv2.read(bytes(changed))
            ecv2.verify(read, RECIPIENT, roots, NOW)
        except Refused:
            continue
        assert read.message == "käse"
        believed += 1
    assert believed < 30
