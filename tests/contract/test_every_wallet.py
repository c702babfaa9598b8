"""What every wallet owes the domain, whichever vendor stands behind it (passes/wallet_port)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import app
from commands.parts import Parts
from passes.card_templates.pictures import ROLES
from passes.cards import cards
from passes.content.draw import draw
from passes.wallet_port import (
    Account,
    CredentialsRefused,
    Download,
    Fit,
    Installation,
    Outcome,
    PassContent,
    Platform,
    Reason,
    Redirect,
    State,
    Visitor,
    Wallet,
    WalletError,
    WalletMisconfigured,
)
from tests.conftest import Clock, Shop

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KINDS = [folder.__name__.removeprefix("wallet_") for folder in app.WALLETS]
NEEDS_AN_ACCOUNT = {"apple", "google"}
VISITORS = [Visitor(platform, language) for platform in Platform for language in ("de", "en", "nl")]

DEVICE, TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "a secret address of the device"
EVERY_KIND = [
    "stamp", "multipass", "cashback", "gift", "coupon", "discount", "membership", "points",
]  # fmt: skip


@pytest.fixture(params=KINDS)
def wallet(request: pytest.FixtureRequest, parts: Parts) -> Wallet:
    """Each wallet as it is mounted, in test mode."""
    kind: str = request.param
    return parts.wallets[kind]


@pytest.fixture
def content(parts: Parts, alma: Shop, wallet: Wallet) -> Callable[..., PassContent]:
    """Draws the content of a new card of some kind, as the domain does."""

    def make(kind: str = "multipass", **changes: Any) -> PassContent:
        card = alma.card(alma.template(kind)["id"])
        with parts.store.read(alma.merchant_id) as session:
            row = cards.get(session, UUID(card["id"]))
            drawn = draw(session, row, wallet.kind, "http://127.0.0.1:8000", Clock()())
        return replace(drawn, **changes)

    return make


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may leave the machine, nor even knock."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a connection was tried: {arguments}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def places(number: int) -> list[Installation]:
    return [
        Installation(f"{DEVICE}-{each}", {"token": f"{TOKEN} {each}"}, Clock()())
        for each in range(number)
    ]


def broken_account() -> Account:
    return Account("a" * 32, 1, '{"nonsense": "a secret of the merchant"}')


# --- what it is ----------------------------------------------------------------------------------


def test_it_says_what_it_is(parts: Parts, wallet: Wallet) -> None:
    assert parts.wallets[wallet.kind] is wallet
    assert wallet.kind.isidentifier()
    assert wallet.title
    for size in wallet.pictures:
        assert size.role in ROLES
        assert 0 < size.width <= 2_048
        assert 0 < size.height <= 2_048


def test_names_of_pictures_are_unique_among_all_wallets(parts: Parts) -> None:
    names = [size.name for wallet in parts.wallets.values() for size in wallet.pictures]
    assert len(set(names)) == len(names)


@pytest.mark.usefixtures("offline")
def test_every_visitor_gets_an_answer_and_each_device_its_own_wallet(parts: Parts) -> None:
    for visitor in VISITORS:
        fits = {kind: wallet.suits(visitor) for kind, wallet in parts.wallets.items()}
        assert all(isinstance(fit, Fit) for fit in fits.values())
        native = [kind for kind, fit in fits.items() if fit is Fit.NATIVE]
        expected = {Platform.IOS: ["apple"], Platform.ANDROID: ["google"], Platform.OTHER: []}
        assert native == expected[visitor.platform]
        assert fits["pwa"] is not Fit.NO


def test_ids_are_words_and_stay_the_same(wallet: Wallet) -> None:
    one, again = (wallet.identity("0" * 32, "123456789012", None) for _ in range(2))
    assert dict(one) == dict(again)
    assert all(word and word.isprintable() for pair in one.items() for word in pair)
    other = wallet.identity("0" * 32, "210987654321", None)
    assert not one or dict(other) != dict(one)
    wallet.identity("0" * 32, "123456789012", broken_account())


@pytest.mark.usefixtures("offline")
def test_its_check_needs_no_network(wallet: Wallet, now: Clock) -> None:
    for moment in (now(), now() + timedelta(days=36_500)):
        for finding in wallet.check(moment):
            assert finding.wallet == wallet.kind
            assert isinstance(finding.stops, bool)
            assert len(finding.sentence) > 20


# --- what it offers ------------------------------------------------------------------------------


def shown(offered: Download | Redirect) -> bytes:
    return offered.body if isinstance(offered, Download) else offered.url.encode()


@pytest.mark.usefixtures("offline")
def test_every_kind_of_card_is_offered_in_every_state(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    for kind in EVERY_KIND:
        card = content(kind)
        yesterday = card.changed_at - timedelta(days=1)
        for state, expires_at in (
            (State.VALID, None),
            (State.VALID, card.changed_at + timedelta(days=400)),
            (State.EXPIRED, yesterday),
            (State.VOID, None),
            (State.VOID, yesterday),
        ):
            offered = wallet.offer(replace(card, state=state, expires_at=expires_at), VISITORS[0])
            assert shown(offered), kind
            if isinstance(offered, Download):
                assert offered.media_type.startswith("application/")
                assert offered.filename.isascii()
                assert not set(offered.filename) & set('/\\"\r\n')


@pytest.mark.usefixtures("offline")
def test_cards_in_every_language_are_offered_to_every_visitor(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    for language in card.languages:
        for visitor in VISITORS:
            assert shown(wallet.offer(replace(card, language=language), visitor))


ODD_WORDS = ["<b>&\"'", "{value} %@ %s", "\u202e 🎂 ﷽", "\u0000\u0001", "x" * 5_000, ""]


@pytest.mark.usefixtures("offline")
def test_odd_words_are_offered_or_refused_and_nothing_else(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    for words in ODD_WORDS:
        every = dict.fromkeys(card.languages, words)
        fields = tuple(
            replace(
                field,
                label=every,
                value=every if isinstance(field.value, Mapping) else field.value,
            )
            for field in card.fields
        )
        odd = replace(
            card, merchant=words, holder=words, title=every, description=every, fields=fields
        )
        try:
            assert shown(wallet.offer(odd, VISITORS[0]))
            assert wallet.push(odd, places(1), Reason.CONTENT)
        except WalletError as refusal:
            assert str(refusal)  # noqa: PT017 - refusing is one of two right answers


@pytest.mark.usefixtures("offline")
def test_several_threads_get_several_cards(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    several = [replace(card, serial=f"{number:012}", version=number + 1) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        offered = list(pool.map(lambda each: shown(wallet.offer(each, VISITORS[0])), several))
        again = list(pool.map(lambda each: wallet.push(each, places(2), Reason.BALANCE), several))
    assert all(offered)
    assert {len(receipts) for receipts in again} == {2}


# --- what it does with a change ------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_there_is_one_receipt_for_each_installation(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    wallet.offer(card, VISITORS[0])
    for reason in Reason:
        for number in (0, 1, 3):
            receipts = wallet.push(card, places(number), reason)
            assert len(receipts) == number
            for receipt in receipts:
                assert isinstance(receipt.outcome, Outcome)
                assert receipt.retry_after is None or receipt.outcome is Outcome.LATER


@pytest.mark.usefixtures("offline")
def test_a_push_can_be_repeated_and_an_older_one_can_follow(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    wallet.offer(card, VISITORS[0])
    newer = replace(card, version=card.version + 1)
    outcomes = [
        [receipt.outcome for receipt in wallet.push(each, places(2), Reason.BALANCE)]
        for each in (newer, newer, card, newer)
    ]
    assert outcomes == [[Outcome.DELIVERED] * 2] * 4


@pytest.mark.usefixtures("offline")
def test_every_state_of_a_card_is_pushed(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content()
    wallet.offer(card, VISITORS[0])
    for state in State:
        receipts = wallet.push(replace(card, state=state), places(1), Reason.STATE)
        assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED]


@pytest.mark.usefixtures("offline")
def test_a_batch_is_answered_one_by_one_and_one_error_leaves_the_others(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    good, lonely, bad = content(), content(), content(account=broken_account())
    for card in (good, lonely):
        wallet.offer(card, VISITORS[0])
    answers = wallet.push_many(
        [
            (good, places(2), Reason.BALANCE),
            (bad, places(1), Reason.BALANCE),
            (lonely, [], Reason.CONTENT),
            (good, places(1), Reason.BALANCE),
        ]
    )
    counts = [answer if isinstance(answer, WalletError) else len(answer) for answer in answers]
    assert counts[0] == 2
    assert counts[2:] == [0, 1]
    # Pages need no account, so there nothing is wrong. Apple's sender is not part of this version.
    if wallet.kind == "google":
        assert isinstance(counts[1], WalletMisconfigured)
    else:
        assert counts[1] == 1
    assert wallet.push_many([]) == []


@pytest.mark.usefixtures("offline")
def test_credentials_that_are_wrong_say_what_the_merchant_must_do(
    wallet: Wallet, content: Callable[..., PassContent]
) -> None:
    card = content(account=broken_account())
    if wallet.kind not in NEEDS_AN_ACCOUNT:
        assert wallet.offer(card, VISITORS[0])
        return
    with pytest.raises(WalletMisconfigured) as refusal:
        wallet.offer(card, VISITORS[0])
    assert len(str(refusal.value)) > 20
    assert "a secret of the merchant" not in str(refusal.value)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("given", [{}, {"nonsense": "x"}, {"certificate": 5}, {"issuer_id": []}])
def test_credentials_that_cannot_be_used_are_refused_by_field(
    wallet: Wallet, now: Clock, given: dict[str, object]
) -> None:
    """Also when what is known already is broken."""
    for known in ([], [broken_account()]):
        with pytest.raises(CredentialsRefused) as refusal:
            wallet.accept(given, known, [], now())
        assert refusal.value.field
        assert len(str(refusal.value)) > 10
    with pytest.raises(CredentialsRefused):
        wallet.request({}, now())
    assert not wallet.facts(broken_account())
    for finding in wallet.check(now(), [broken_account()]):
        assert finding.wallet == wallet.kind
        assert "a secret of the merchant" not in finding.sentence


# --- what it keeps to itself ---------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_nothing_secret_shows_in_a_repr_or_in_the_log(
    wallet: Wallet, content: Callable[..., PassContent], caplog: pytest.LogCaptureFixture
) -> None:
    card = content()
    with caplog.at_level(logging.DEBUG):
        offered = wallet.offer(card, VISITORS[0])
        receipts = wallet.push(card, places(1), Reason.BALANCE)
        try:
            wallet.offer(replace(card, account=broken_account()), VISITORS[0])
        except WalletError as refusal:
            logging.getLogger("test").error("%r %s", refusal, refusal)
    said = [repr(wallet), repr(card), repr(offered), repr(receipts), repr(places(1)), caplog.text]
    hidden = {
        "secret": card.secret,
        "page": card.page_url.rstrip("/").rpartition("/")[2],
        "till code": card.code,
        "device": DEVICE,
        "address": TOKEN,
        "holder": card.holder,
        "account": "a secret of the merchant",
        "key": "PRIVATE KEY",
    }
    for name, secret in hidden.items():
        assert secret
        assert not any(secret in text for text in said), name
    if isinstance(offered, Redirect):
        assert offered.url not in caplog.text
