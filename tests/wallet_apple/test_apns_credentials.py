"""Whose certificate a push goes out with: accounts, pass types, merchants, keys of a team."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs_example.make import make_all
from passes.wallet_port import Account, Outcome, Reason, WalletDown, WalletMisconfigured
from tests.fakes.apns import FakeApns
from tests.wallet_apple import telling
from tests.wallet_apple.telling import account, content, device, token
from wallet_apple.apns import endpoint as endpoints

ALMA, BRUNO = "pass.example.alma", "pass.example.bruno"
FRESH = Reason.BALANCE


@pytest.fixture
def apns():
    with FakeApns(telling.certificates()) as server:
        yield server


@pytest.fixture
def wallet(apns):
    return telling.wallet_for(telling.settings_for(apns))


def topics(apns):
    return {push.token: push.headers["apns-topic"] for push in apns.pushes}


# --- the certificate -----------------------------------------------------------------------------


def test_the_server_demands_the_certificate_and_gets_it(apns, wallet):
    """Proof that the stand-in does demand it, and that ours is what lets us in."""
    [receipt] = wallet.push(content(), [device(token(1))], FRESH)
    assert receipt.outcome is Outcome.DELIVERED
    assert apns.shown_certificates == 1
    where = telling.settings_for(apns).endpoint
    with pytest.raises((endpoints.Unreachable, OSError), match=r"(?i)certificate"):
        greeting_without_a_certificate(where)


def greeting_without_a_certificate(where):
    """TLS 1.3 says that one is missing when the first bytes are read."""
    with endpoints.connect(where, endpoints.client_context(where, None), 5) as bare:
        bare.settimeout(5)
        return bare.recv(1000)


def test_a_certificate_that_the_server_refuses(wallet, tmp_path):
    """Revoked, expired or of another authority: TLS says so, and the merchant must act."""
    make_all(tmp_path)
    with FakeApns(tmp_path) as stranger:
        wallet = telling.wallet_for(telling.settings_for(stranger))
        with pytest.raises(WalletMisconfigured, match="does not accept the certificate"):
            wallet.push(content(), [device(token(1))], FRESH)
        assert not stranger.pushes


def test_a_server_that_shows_no_trusted_certificate_gets_nothing(apns, tmp_path):
    settings = telling.settings_for(
        apns, TREUEPASS_APNS_CA=str(telling.certificates() / "root.pem")
    )
    with pytest.raises(WalletDown, match="not trusted"):
        telling.wallet_for(settings).push(content(), [device(token(1))], FRESH)
    assert not apns.pushes


def test_an_expired_certificate_stays_at_home(apns, wallet):
    ended = account(ALMA, "ended", days=-1)
    with pytest.raises(WalletMisconfigured, match="Import a current one"):
        wallet.push(content(account=ended), [device(token(1), topic=ALMA)], FRESH)
    assert apns.connections == 0


# --- pass types ----------------------------------------------------------------------------------


def test_each_device_is_told_under_its_own_pass_type(apns, wallet):
    card = content(account=account(ALMA, "new"), earlier_accounts=(account(BRUNO, "old"),))
    places = [
        device(token(1), topic=ALMA),
        device(token(2), topic=BRUNO),
        device(token(3), topic=telling.TOPIC),  # from the days of test mode
        device(token(4), topic=""),
    ]
    receipts = wallet.push(card, places, FRESH)
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 4
    assert topics(apns) == {
        token(1): ALMA, token(2): BRUNO, token(3): telling.TOPIC, token(4): ALMA,
    }  # fmt: skip
    assert apns.connections == 3


def test_a_pass_type_whose_certificate_is_lost(apns, wallet):
    card = content(account=account(ALMA))
    places = [device(token(1), topic=ALMA), device(token(2), topic="pass.example.lost")]
    delivered, lost = wallet.push(card, places, FRESH)
    assert delivered.outcome is Outcome.DELIVERED
    assert lost.outcome is Outcome.REFUSED
    assert "no certificate for pass.example.lost" in lost.detail
    with pytest.raises(WalletMisconfigured, match=r"pass\.example\.lost"):
        wallet.push(card, places[1:], FRESH)


def test_one_merchants_trouble_leaves_the_others_alone(apns, wallet):
    """R: errors stand in that merchant's places only."""
    broken = Account("broken", 1, json.dumps({"certificate": "nonsense"}), "pass.example.broken")
    apns.answer(token(3), 403, "BadCertificate")
    batch = [
        (content(1, merchant_id="alma", account=account(ALMA)), [device(token(1), topic=ALMA)]),
        (content(2, merchant_id="carl", account=broken), [device(token(2), topic="")]),
        (content(3, merchant_id="bruno", account=account(BRUNO)), [device(token(3), topic=BRUNO)]),
        (content(4, merchant_id="dora"), [device(token(4))]),
        (content(5, merchant_id="alma", account=account(ALMA)), []),
    ]
    answers = wallet.push_many([(card, places, FRESH) for card, places in batch])
    assert answers[0][0].outcome is answers[3][0].outcome is Outcome.DELIVERED
    assert isinstance(answers[1], WalletMisconfigured)
    assert isinstance(answers[2], WalletMisconfigured)
    assert list(answers[4]) == []


def test_two_merchants_with_the_same_token_each_use_their_own(apns, wallet):
    wallet.push_many(
        [
            (
                content(1, merchant_id=name, account=account(topic, name)),
                [device(token(1), topic=topic)],
                FRESH,
            )
            for name, topic in (("alma", ALMA), ("bruno", BRUNO))
        ]
    )
    assert sorted(push.headers["apns-topic"] for push in apns.pushes) == [ALMA, BRUNO]


def test_a_new_version_of_an_account_closes_the_connections_of_the_old_one(apns, wallet):
    for version in (1, 2):
        card = content(account=account(ALMA, "alma", version))
        wallet.push(card, [device(token(version), topic=ALMA)], FRESH)
    assert apns.connections == 2
    assert telling.until(lambda: len(apns.open) == 1)


# --- the key of a team (.p8) ---------------------------------------------------------------------


@pytest.fixture
def key(tmp_path):
    made = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "AuthKey_ABC123DEFG.p8"
    file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made, {"TREUEPASS_APNS_KEY": str(file), "TREUEPASS_APNS_KEY_ID": "ABC123DEFG"}


class Moving:
    """A clock that can be moved."""

    def __init__(self):
        self.at = datetime.now(UTC)

    def __call__(self):
        return self.at

    def move(self, minutes):
        self.at += timedelta(minutes=minutes)


@pytest.fixture
def anybody():
    """A server that asks for no certificate, as with a key none is shown."""
    with FakeApns(telling.certificates(), demand_certificate=False) as server:
        yield server


def bearers(apns):
    return [push.headers["authorization"].removeprefix("bearer ") for push in apns.pushes]


def push(wallet):
    [receipt] = wallet.push(content(), [device(token(1))], FRESH)
    return receipt


def test_the_key_signs_a_token_for_the_certificates_team(anybody, key):
    made, settings = key
    wallet = telling.wallet_for(telling.settings_for(anybody, **settings))
    assert push(wallet).outcome is Outcome.DELIVERED
    [bearer] = bearers(anybody)
    claims = jwt.decode(bearer, made.public_key(), ["ES256"])
    assert claims["iss"] == "EXAMPLE123"
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 5
    assert jwt.get_unverified_header(bearer) == {"alg": "ES256", "kid": "ABC123DEFG"}
    assert anybody.shown_certificates == 0


def test_a_token_is_renewed_between_20_and_60_minutes(anybody, key):
    clock = Moving()
    wallet = telling.wallet_for(telling.settings_for(anybody, **key[1]), clock)
    for _ in range(12):
        push(wallet)
        clock.move(minutes=10)
    issued = [
        jwt.decode(each, options={"verify_signature": False})["iat"] for each in bearers(anybody)
    ]
    different = sorted(set(issued))
    steps = [after - before for before, after in pairwise(different)]
    assert len(different) > 1
    assert all(20 * 60 <= step <= 60 * 60 for step in steps)


def test_an_expired_token_is_renewed_once_and_the_push_repeated(anybody, key):
    clock = Moving()
    wallet = telling.wallet_for(telling.settings_for(anybody, **key[1]), clock)
    push(wallet)
    clock.move(minutes=25)
    anybody.answer(token(1), 403, "ExpiredProviderToken")
    assert push(wallet).outcome is Outcome.DELIVERED
    first, refused, accepted = bearers(anybody)
    assert first == refused != accepted
    clock.move(minutes=25)
    anybody.answer(token(1), 403, "ExpiredProviderToken", times=2)
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_APNS_KEY"):
        push(wallet)
    assert len(anybody.pushes) == 5


def test_a_young_token_is_not_renewed(anybody, key):
    """Apple would answer 429 TooManyProviderTokenUpdates, and the new one would say the same."""
    wallet = telling.wallet_for(telling.settings_for(anybody, **key[1]))
    anybody.answer(token(1), 403, "ExpiredProviderToken")
    with pytest.raises(WalletMisconfigured):
        push(wallet)
    assert len(anybody.pushes) == 1


def test_a_key_for_another_team_is_not_used(apns, key):
    settings = telling.settings_for(apns, TREUEPASS_APNS_TEAM_ID="OTHERTEAM1", **key[1])
    assert push(telling.wallet_for(settings)).outcome is Outcome.DELIVERED
    assert "authorization" not in apns.pushes[0].headers
    assert apns.shown_certificates == 1
