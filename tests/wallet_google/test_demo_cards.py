"""Every card of the demo, as the domain draws it: Google takes it, and its holder can read it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import cards
from passes.content.draw import draw
from passes.demo import kranz
from passes.followers import FOLLOWERS
from passes.merchants import directory
from passes.store import Store
from passes.vault import Vault
from passes.wallet_port import PassContent, State, Style
from tests.wallet_google.conftest import ISSUER_ID, PUBLIC, SITE
from wallet_google.objects import blank_object_body, class_body, family, object_body
from wallet_google.schema import check
from wallet_google.wallet import GoogleWallet

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LANGUAGES = ("de", "en", "nl")


@pytest.fixture(scope="module")
def drawn(
    _sqlite_master: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Kind, PassContent]]:
    """All cards of Café Kranz, of all eight kinds; drawing does not depend on the database."""
    file = tmp_path_factory.mktemp("kranz") / "treuepass.db"
    shutil.copy(_sqlite_master, file)
    store = Store(f"sqlite:///{file}", Vault([b"k" * 32]), FOLLOWERS)
    kranz.make(store, GoogleWallet.pictures, "correct horse battery", NOON)
    with store.read_all() as session:
        found = directory.find(session, directory.Known.MERCHANT, kranz.SLUG)
    assert found is not None
    with store.read(found.merchant_id) as session:
        kinds = {row.id: row.kind for row in templates.all_of_merchant(session)}
        made = [
            (kinds[card.template_id], draw(session, card, "google", PUBLIC, NOON))
            for card in cards.newest(session, limit=10_000)
        ]
    store.close()
    assert {kind for kind, _ in made} == set(Kind)
    return made


def schema_of(content: PassContent) -> str:
    name = family(content.style)
    return name[0].upper() + name[1:]


def shown(value: Any, language: str) -> Any:
    """A body as a phone in that language shows it."""
    if isinstance(value, Mapping) and "defaultValue" in value:
        told = {text["language"]: text["value"] for text in value.get("translatedValues", ())}
        return told.get(language, value["defaultValue"]["value"])
    if isinstance(value, Mapping):
        return {name: shown(part, language) for name, part in value.items()}
    if isinstance(value, list):
        return [shown(part, language) for part in value]
    return value


def one_of_each(drawn: list[tuple[Kind, PassContent]]) -> Iterator[tuple[Kind, PassContent]]:
    yield from dict(reversed(drawn)).items()


def test_every_card_in_every_language_and_state_is_one_that_google_takes(
    drawn: list[tuple[Kind, PassContent]],
) -> None:
    for _, content in drawn:
        kind = schema_of(content)
        for language in LANGUAGES:
            for state in State:
                card = replace(content, language=language, state=state)
                check(class_body(card, ISSUER_ID, SITE), f"{kind}Class")
                check(object_body(card, ISSUER_ID, SITE), f"{kind}Object")
                check(blank_object_body(card, ISSUER_ID, SITE), f"{kind}Object")


def test_the_class_of_a_template_is_the_same_for_all_its_cards(
    drawn: list[tuple[Kind, PassContent]],
) -> None:
    by_template: dict[str, dict[str, Any]] = {}
    for _, content in drawn:
        body = class_body(content, ISSUER_ID, SITE)
        body.pop("classTemplateInfo")
        assert by_template.setdefault(content.template, body) == body
    assert len(by_template) == len(Kind)


def test_every_kind_has_the_family_and_the_figures_of_its_own(
    drawn: list[tuple[Kind, PassContent]],
) -> None:
    for kind, content in one_of_each(drawn):
        body: dict[str, Any] = object_body(content, ISSUER_ID, SITE)
        modules = [module["id"] for module in body["textModulesData"]]
        balances = {name for name in ("loyaltyPoints", "secondaryLoyaltyPoints") if name in body}
        match kind:
            case Kind.STAMP | Kind.MULTIPASS:
                assert balances == {"loyaltyPoints", "secondaryLoyaltyPoints"}
                assert all("int" in body[name]["balance"] for name in balances)
            case Kind.CASHBACK:
                assert "int" in body["loyaltyPoints"]["balance"]
                assert modules[:2] == ["percent", "level"]
            case Kind.POINTS:
                assert "int" in body["loyaltyPoints"]["balance"]
                assert "reward_list" in modules
            case Kind.DISCOUNT:
                assert "%" in body["loyaltyPoints"]["balance"]["string"]
            case Kind.GIFT:
                assert content.style is Style.GIFT
                assert body["balance"]["currencyCode"] == "EUR"
                assert "balance" not in modules
            case Kind.COUPON:
                assert modules[:2] == ["offer", "coupon_state"]
            case Kind.MEMBERSHIP:
                assert body["header"]["defaultValue"]["value"] == content.holder
                assert "customer_name" not in modules
                assert modules[0] == "membership_state"
        assert {"how_to_earn", "terms"} <= set(modules)
        assert "tel:+493055572140" in [uri["uri"] for uri in body["linksModuleData"]["uris"]]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", {"Name", "Geschenkkarte", "Kartennummer", "Guthaben für Kaffee, Kuchen und Kurse.",
                "Karte im Browser öffnen", "Bedingungen", "Zahlen Sie mit dieser Karte"}),
        ("nl", {"Naam", "Cadeaukaart", "Kaartnummer", "Tegoed voor koffie, taart en cursussen.",
                "Kaart openen in browser", "Voorwaarden", "Betaal zo vaak je wilt"}),
    ],
    ids=["German", "Dutch"],
)  # fmt: skip
def test_whoever_reads_a_gift_card_in_a_language_sees_no_other(
    drawn: list[tuple[Kind, PassContent]], language: str, words: set[str]
) -> None:
    [content] = [content for kind, content in one_of_each(drawn) if kind is Kind.GIFT]
    for own in LANGUAGES:  # whatever language the card itself is in
        card = replace(content, language=own)
        texts = str(
            [
                shown(class_body(card, ISSUER_ID, SITE), language),
                shown(object_body(card, ISSUER_ID, SITE), language)["textModulesData"],
                shown(object_body(card, ISSUER_ID, SITE), language)["linksModuleData"],
                shown(object_body(card, ISSUER_ID, SITE), language)["appLinkData"],
            ]
        )
        assert [word for word in words if word not in texts] == []
        assert "Gift card" not in texts
        assert "Credit for coffee" not in texts


def test_whatever_can_be_translated_is(drawn: list[tuple[Kind, PassContent]]) -> None:
    """Names, addresses and numbers read the same; every other text has all languages."""

    def texts_in(value: Any) -> Iterator[Mapping[str, Any]]:
        if isinstance(value, Mapping):
            if "defaultValue" in value:
                yield value
            for part in value.values():
                yield from texts_in(part)
        elif isinstance(value, list):
            for part in value:
                yield from texts_in(part)

    for _, content in one_of_each(drawn):
        merely_names = {content.merchant, content.holder}
        bodies = [class_body(content, ISSUER_ID, SITE), object_body(content, ISSUER_ID, SITE)]
        for text in texts_in(bodies):
            if text["defaultValue"]["value"] in merely_names:
                continue
            languages = {part["language"] for part in text.get("translatedValues", ())}
            assert languages | {text["defaultValue"]["language"]} == set(LANGUAGES)
