"""Any card at all: every body is one that Google takes, and a class is about no single card."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from string import ascii_lowercase, digits
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from passes.wallet_port import (
    Amount,
    CodeFormat,
    Field,
    Location,
    Look,
    PassContent,
    Place,
    Rotating,
    State,
    Style,
)
from tests.wallet_google.conftest import ISSUER_ID, PICTURES, PUBLIC, SITE
from wallet_google.addresses import Site
from wallet_google.objects import blank_object_body, class_body, family, object_body
from wallet_google.schema import check

LANGUAGES = ("de", "en", "nl")


def kind_of(card: PassContent) -> str:
    """The name that begins the types of the card's family: ``GiftCard``."""
    name = family(card.style)
    return name[0].upper() + name[1:]


def rows_of(body: dict) -> list[list[str]]:
    """The paths in each row of the class's template."""
    override = body.get("classTemplateInfo", {}).get("cardTemplateOverride", {})
    return [
        [item["firstValue"]["fields"][0]["fieldPath"] for item in shape.values()]
        for row in override.get("cardRowTemplateInfos", ())
        for shape in row.values()
    ]


words = st.text(max_size=60)
texts = st.fixed_dictionaries(dict.fromkeys(LANGUAGES, words))
titles = st.fixed_dictionaries({language: st.text(min_size=1) for language in LANGUAGES})
amounts = st.builds(
    Amount,
    st.integers(-(10**20), 10**20),
    st.sampled_from(["EUR", "JPY", "CHF", "points"]),
    st.integers(0, 4),
)
values = st.one_of(st.integers(), amounts, st.dates(), texts)
links = st.sampled_from([None, "https://example.de/a?b=c", "tel:+4930123", "mailto:a@example.de"])
fields = st.lists(
    st.builds(
        Field,
        key=st.text(min_size=1, max_size=30),
        label=texts,
        value=values,
        place=st.sampled_from(Place),
        link=links,
    ),
    max_size=15,
    unique_by=lambda field: field.key,
)
colours = st.from_regex("#[0-9a-f]{6}", fullmatch=True)
looks = st.builds(
    Look,
    background=colours,
    foreground=colours,
    label=colours,
    pictures=st.sets(st.sampled_from(sorted(PICTURES))).map(
        lambda names: {name: PICTURES[name] for name in names}
    ),
)
locations = st.lists(
    st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), texts), max_size=12
)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
contents = st.builds(
    PassContent,
    serial=st.text(digits, min_size=12, max_size=12) | st.text(min_size=1),
    secret=words,
    page_url=st.sampled_from(["http://127.0.0.1:8000/c/abc/", f"{PUBLIC}/c/abc/"]),
    code=st.text(min_size=1),
    code_format=st.sampled_from(CodeFormat),
    version=st.integers(1),
    changed_at=moments,
    style=st.sampled_from(Style),
    state=st.sampled_from(State),
    expires_at=st.none() | moments,
    time_zone=st.just("Europe/Berlin"),
    merchant=st.text(min_size=1),
    merchant_id=words,
    title=titles,
    description=texts,
    holder=words,
    language=st.sampled_from(LANGUAGES),
    languages=st.just(LANGUAGES),
    fields=fields.map(tuple),
    locations=locations.map(tuple),
    look=looks,
    template=st.text(ascii_lowercase + digits + "-", min_size=1) | st.text(min_size=1),
    template_version=st.integers(1),
    account=st.none(),
    rotating=st.none() | st.builds(Rotating, st.binary(min_size=20, max_size=20)),
)


any_cards = settings(max_examples=60, deadline=None)


@any_cards
@given(card=contents, near=st.booleans())
def test_every_body_is_one_that_google_takes(card, near):
    base_url = "http://127.0.0.1:8000" if near else PUBLIC
    site, kind = Site(base_url, near), kind_of(card)
    check(class_body(card, ISSUER_ID, site), f"{kind}Class")
    body = object_body(card, ISSUER_ID, site)
    check(body, f"{kind}Object")
    check(blank_object_body(card, ISSUER_ID, site), f"{kind}Object")
    if kind == "Loyalty":
        check({**body, "notifyPreference": "NOTIFY_ON_UPDATE"}, "LoyaltyObject")


@any_cards
@given(card=contents, other=contents)
def test_a_class_says_nothing_of_the_single_card(card, other):
    """All but the rows, which follow the template's fields."""
    shared = {
        name: getattr(card, name)
        for name in (
            "style", "merchant", "title", "description", "languages", "locations", "look",
            "template",
        )
    }  # fmt: skip
    first, second = (
        class_body(card, ISSUER_ID, SITE),
        class_body(replace(other, **shared), ISSUER_ID, SITE),
    )
    first.pop("classTemplateInfo", None)
    second.pop("classTemplateInfo", None)
    assert first == second


@any_cards
@given(card=contents)
def test_rows_show_nothing_that_the_object_has_not(card):
    card = replace(card, fields=tuple(replace(field, value=1) for field in card.fields))
    held: dict[str, Any] = object_body(card, ISSUER_ID, SITE)
    balances = {"loyaltyPoints", "secondaryLoyaltyPoints"} & set(held)
    modules = {module["id"] for module in held.get("textModulesData", ())}
    paths = {f"object.{name}.balance" for name in balances} | {"object.balance"} & {
        f"object.{name}" for name in held
    }
    paths |= {f"object.textModulesData['{name}']" for name in modules}
    shown = rows_of(class_body(card, ISSUER_ID, SITE))
    assert all(set(row) <= paths for row in shown)
    assert len(shown) <= 3
