"""Everything that a merchant decides about a card, checked with clear errors (design §8)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.card_templates.definition import Definition, contrast, parse
from passes.card_templates.kinds import FIGURES, KINDS, Kind
from passes.card_templates.rules import RULES, StampRules
from passes.errors import Invalid

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def definition(kind: Kind = Kind.MULTIPASS, **parts: Any) -> Definition:
    return parse(kind, {"name": "Karte", **parts})


def wrong_fields(kind: Kind = Kind.MULTIPASS, **parts: Any) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        definition(kind, **parts)
    assert all(wrong.message for wrong in refusal.value.fields)
    return [wrong.field for wrong in refusal.value.fields]


@pytest.mark.parametrize("kind", Kind)
def test_a_name_is_enough_for_every_kind(kind: Kind) -> None:
    made = definition(kind)
    assert made.name == {"de": "Karte", "en": "Karte", "nl": "Karte"}
    assert isinstance(made.rules, RULES[kind])
    assert parse(kind, made.model_dump(mode="json")) == made


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_shows_only_figures_that_exist(kind: Kind) -> None:
    facts = KINDS[kind]
    assert set(facts.figures) <= set(FIGURES)
    shown = [figure for figure, _ in facts.places]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= {*facts.figures, "expires_at", "customer_name"}


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"name": {}}, ["name"]),
        ({"name": {"de": " "}}, ["name"]),
        ({"name": {"fr": "carte"}}, ["name.fr"]),
        ({"name": "x" * 61}, ["name.de", "name.en", "name.nl"]),
        ({"name": 5}, ["name"]),
        ({"description": "x" * 201}, ["description.de", "description.en", "description.nl"]),
        ({"language": "fr"}, ["language"]),
        ({"nonsense": 1}, ["nonsense"]),
        ({"code_format": "qr-code"}, ["code_format"]),
        ({"rotating_code": "sometimes"}, ["rotating_code"]),
        ({"rotating_code": True, "code_format": "aztec"}, ["rotating_code"]),
        ({"rotating_code": True, "code_format": "code128"}, ["rotating_code"]),
        # look
        ({"look": {"background": "green"}}, ["look.background"]),
        ({"look": {"background": "#12345"}}, ["look.background"]),
        ({"look": {"background": "#ffffff"}}, ["look.foreground", "look.label"]),
        ({"look": {"background": "#000000", "label": "#222222"}}, ["look.label"]),
        ({"look": {"icon": "1"}}, ["look.icon"]),
        ({"look": {"image": None}}, ["look.image"]),
        # fields
        ({"fields": []}, ["fields"]),
        ({"fields": [{"figure": "visits", "place": "primary"}]}, ["fields.0.figure"]),
        ({"fields": [{"figure": "stamps", "place": "primary"}]}, ["fields.0.figure"]),
        ({"fields": [{"figure": "bonus_balance", "place": "left"}]}, ["fields.0.place"]),
        ({"fields": [{"figure": "bonus_balance", "place": "back"}] * 2}, ["fields"]),
        ({"fields": [{"figure": "bonus_balance", "place": "back"}] * 21}, ["fields"]),
        # expiry
        ({"expiry": {"kind": "never"}}, ["expiry.kind"]),
        ({"expiry": {"kind": "fixed_date"}}, ["expiry"]),
        ({"expiry": {"kind": "unlimited", "days": 3}}, ["expiry"]),
        ({"expiry": {"kind": "days_after_issue"}}, ["expiry"]),
        ({"expiry": {"kind": "days_after_issue", "days": 0}}, ["expiry.days"]),
        ({"expiry": {"kind": "days_after_issue", "days": 36_501}}, ["expiry.days"]),
        ({"expiry": {"kind": "days_after_issue", "days": "30"}}, ["expiry.days"]),
        ({"expiry": {"kind": "fixed_date", "date": "2026-02-30"}}, ["expiry.date"]),
        # limits
        ({"limits": {"max_issued": 0}}, ["limits.max_issued"]),
        ({"limits": {"max_issued": 1.5}}, ["limits.max_issued"]),
        ({"limits": {"issue_from": "2026-11-21T09:00:00"}}, ["limits.issue_from"]),
        (
            {"limits": {"issue_from": "2026-11-22T00:00Z", "issue_until": "2026-11-21T00:00Z"}},
            ["limits"],
        ),
        # form
        ({"form": {"fields": [{"key": "shoe_size"}]}}, ["form.fields.0.key"]),
        ({"form": {"fields": [{"key": "first_name", "unique": True}]}}, ["form.fields.0"]),
        ({"form": {"fields": [{"key": "email"}]}}, ["form"]),
        ({"form": {"fields": [{"key": "email", "unique": True}] * 2}}, ["form"]),
        ({"form": {"consents": ["fax"]}}, ["form.consents.0"]),
        ({"form": {"custom": [{"key": "Größe", "label": "Größe"}]}}, ["form.custom.0.key"]),
        ({"form": {"custom": [{"key": "size", "label": ""}]}}, ["form.custom.0.label"]),
        (
            {"form": {"custom": [{"key": "size", "label": "Größe", "type": "choice"}]}},
            ["form.custom.0"],
        ),
        (
            {"form": {"custom": [{"key": "email", "label": "E-Mail"}]}},
            ["form"],
        ),
        ({"location_ids": ["x"]}, ["location_ids.0"]),
        # several at once
        (
            {"name": "", "language": "fr", "rules": {"points_per_visit": -1}},
            ["rules.points_per_visit", "name", "language"],
        ),
    ],
)
def test_each_wrong_field_is_named(parts: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(**({"name": "Karte"} | parts)) == fields


@pytest.mark.parametrize(
    ("kind", "rules", "field"),
    [
        (Kind.STAMP, {"required": 0}, "rules.required"),
        (Kind.STAMP, {"required": 31}, "rules.required"),
        (Kind.STAMP, {"required": "10"}, "rules.required"),
        (Kind.STAMP, {"thresholds": [6, 3]}, "rules.thresholds"),
        (Kind.STAMP, {"thresholds": [3, 3]}, "rules.thresholds"),
        (Kind.STAMP, {"mechanic": "spend"}, "rules"),
        (Kind.STAMP, {"mechanic": "spend", "amount_per_stamp": "0.00"}, "rules"),
        (Kind.STAMP, {"amount_per_stamp": "5,00"}, "rules.amount_per_stamp"),
        (Kind.STAMP, {"amount_per_stamp": 5}, "rules.amount_per_stamp"),
        (Kind.MULTIPASS, {"multipass_subtract_rule": "both"}, "rules.multipass_subtract_rule"),
        (Kind.MULTIPASS, {"packages": [{"visits": 0, "price": "1"}]}, "rules.packages.0.visits"),
        (Kind.MULTIPASS, {"packages": [{"visits": 1}]}, "rules.packages.0.price"),
        (Kind.CASHBACK, {"levels": []}, "rules.levels"),
        (Kind.CASHBACK, {"levels": [{"from_amount": "1", "percent": "1"}]}, "rules.levels"),
        (
            Kind.DISCOUNT,
            {"levels": [{"from_amount": "0", "percent": "101"}]},
            "rules.levels.0.percent",
        ),
        (
            Kind.DISCOUNT,
            {"levels": [{"from_amount": "0", "percent": "100.5"}]},
            "rules.levels.0.percent",
        ),
        (
            Kind.DISCOUNT,
            {"levels": [{"from_amount": "0", "percent": "1", "name": {"en": "x" * 31}}]},
            "rules.levels.0.name.en",
        ),
        (
            Kind.CASHBACK,
            {"levels": [{"from_amount": "0", "percent": "1", "name": {"en": " "}}]},
            "rules.levels.0.name",
        ),
        (Kind.GIFT, {"use": "twice"}, "rules.use"),
        (Kind.COUPON, {"max_redemptions": 0}, "rules.max_redemptions"),
        (Kind.MEMBERSHIP, {"plans": []}, "rules.plans"),
        (
            Kind.MEMBERSHIP,
            {"plans": [{"key": "a", "name": "A", "period": "custom"}]},
            "rules.plans.0",
        ),
        (Kind.POINTS, {"points_per_visit": 0}, "rules.points_per_visit"),
        (Kind.POINTS, {"required": 10}, "rules.required"),
    ],
)
def test_each_wrong_rule_is_named(kind: Kind, rules: dict[str, Any], field: str) -> None:
    assert wrong_fields(kind, rules=rules) == [field]


@pytest.mark.parametrize("words", ["a\x00b", "a\x1bb", {"de": "Ka\x00rte"}])
def test_words_hold_no_control_characters(words: Any) -> None:
    made = definition(name=words, texts={"terms": "one\r\n\ttwo\x00"})
    assert not any("\x00" in word or "\x1b" in word for word in made.name.values())
    assert made.texts.terms is not None
    assert made.texts.terms["de"] == "one\n\ttwo"


def test_a_definition_is_never_changed_once_made() -> None:
    made = definition()
    with pytest.raises(ValueError, match="frozen"):
        made.language = "en"


# --- contrast ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),  # the usual example of just not enough
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_as_published(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


@given(colours, colours)
def test_contrast_is_the_same_both_ways(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


@given(colours, colours, colours)
def test_what_passes_can_be_read(background: str, foreground: str, label: str) -> None:
    look = {"background": background, "foreground": foreground, "label": label}
    try:
        definition(look=look)
    except Invalid as refusal:
        named = {wrong.field for wrong in refusal.fields}
    else:
        named = set()
    assert ("look.foreground" in named) is (contrast(foreground, background) < 4.5)
    assert ("look.label" in named) is (contrast(label, background) < 3)


def test_D_8_3_only_stamps_are_renewed_by_the_next_one() -> None:
    renewed = {"kind": "days_after_last_stamp", "days": 30}
    stamps = parse(Kind.STAMP, {"name": "Karte", "rules": {"life": renewed}})
    assert isinstance(stamps.rules, StampRules)
    assert stamps.rules.life.days == 30
    with pytest.raises(Invalid) as refused:
        parse(Kind.POINTS, {"name": "Karte", "rules": {"life": renewed}})
    assert [wrong.field for wrong in refused.value.fields] == ["rules.life"]
