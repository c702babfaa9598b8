"""Card templates and their versions: made, revised, never changed (design §2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from passes import ids
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards.models import Card
from passes.errors import Conflict, Invalid, NotFound
from passes.merchants import merchants
from tests.passes.conftest import NOON, Shop


def revise(shop: Shop, template_id: UUID, **changes: Any) -> templates.Template:
    with shop.write() as session:
        return templates.revise(session, template_id, changes, NOON + timedelta(hours=1))


def wrong_fields(shop: Shop, kind: Kind = Kind.MULTIPASS, **parts: Any) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        shop.template(kind, **parts)
    return [wrong.field for wrong in refusal.value.fields]


def test_a_revision_is_a_new_version_and_the_old_one_stays(alma: Shop) -> None:
    first = alma.template(rules={"points_per_visit": 5}, description="Zehn Kaffee")
    card = alma.card(first)
    second = revise(alma, first.id, rules={"points_per_visit": 7})
    assert (first.version, second.version, second.id) == (1, 2, first.id)
    assert second.definition.description == first.definition.description
    with alma.read() as session:
        kept = templates.definition_of(session, first.id, 1, Kind.MULTIPASS)
        assert kept == first.definition
        assert templates.get(session, first.id) == second
        assert session.get_one(Card, (alma.merchant_id, card)).template_version == 1
        with pytest.raises(NotFound):
            templates.definition_of(session, first.id, 3, Kind.MULTIPASS)


def test_a_part_is_replaced_as_a_whole(shop: Shop) -> None:
    made = shop.template(rules={"points_per_visit": 5, "purchase_amount_required": True})
    revised = revise(shop, made.id, rules={"points_per_visit": 5})
    assert revised.definition.rules.model_dump()["purchase_amount_required"] is False


def test_a_wrong_revision_changes_nothing(shop: Shop) -> None:
    made = shop.template()
    with pytest.raises(Invalid):
        revise(shop, made.id, language="fr")
    with shop.read() as session:
        assert templates.get(session, made.id).version == 1


def test_a_rule_that_was_revised_counts_for_the_next_posting(shop: Shop) -> None:
    made = shop.template(rules={"points_per_visit": 5})
    card = shop.card(made, opening={"available_visits": 5})
    assert shop.post(card, "redeem-visits", 1).card.bonus == 5
    revise(shop, made.id, rules={"points_per_visit": 7})
    assert shop.post(card, "redeem-visits", 1).card.bonus == 12


def test_statuses(shop: Shop) -> None:
    made = shop.template()
    with shop.write() as session:
        for status in ("paused", "draft", "active", "archived"):
            assert templates.set_status(session, made.id, status).status == status
        with pytest.raises(Invalid, match="status"):
            templates.set_status(session, made.id, "gone")
        with pytest.raises(Conflict) as refusal:
            templates.revise(session, made.id, {"language": "en"}, NOON)
        assert refusal.value.code == "TEMPLATE_ARCHIVED"


def test_templates_are_the_merchants_own(alma: Shop, bruno: Shop) -> None:
    made = alma.template()
    with bruno.write() as session:
        assert templates.all_of_merchant(session) == []
        for name in (made.id, ids.new_id()):
            with pytest.raises(NotFound):
                templates.get(session, name)
            with pytest.raises(NotFound):
                templates.revise(session, name, {}, NOON)
            with pytest.raises(NotFound):
                templates.set_status(session, name, "paused")
            with pytest.raises(NotFound):
                templates.add_channel_link(session, name, name="x", utm={}, now=NOON)
    with alma.read() as session:
        assert templates.all_of_merchant(session) == [made]


def test_slugs_are_unique_over_all_merchants(alma: Shop, bruno: Shop) -> None:
    slugs = [shop.template(name={"en": "Coffee card"}).slug for shop in (alma, bruno, alma)]
    assert slugs == ["coffee-card", "coffee-card-2", "coffee-card-3"]


@pytest.mark.parametrize("role", ["icon", "logo", "strip", "photo"])
def test_pictures_and_locations_must_be_the_merchants_own(
    alma: Shop, bruno: Shop, role: str
) -> None:
    with alma.write() as session:
        location = merchants.add_location(session, name="x", now=NOON).id
    assert alma.template(location_ids=[str(location)]).definition.location_ids == [location]
    wrong = {"look": {role: str(ids.new_id())}, "location_ids": [str(location)]}
    assert wrong_fields(bruno, **wrong) == [f"look.{role}", "location_ids.0"]


@pytest.mark.parametrize(
    ("kind", "rules", "field"),
    [
        (Kind.STAMP, {"amount_per_stamp": "1.234"}, "rules.amount_per_stamp"),
        (Kind.STAMP, {"amount_per_stamp": "1000000.01"}, "rules.amount_per_stamp"),
        (Kind.MULTIPASS, {"packages": [{"visits": 1, "price": "1.234"}]}, "rules.packages.0.price"),
        (
            Kind.DISCOUNT,
            {
                "levels": [
                    {"from_amount": "0", "percent": "1"},
                    {"from_amount": "0.005", "percent": "2"},
                ]
            },
            "rules.levels.1.from_amount",
        ),
        (
            Kind.MEMBERSHIP,
            {"plans": [{"key": "a", "name": "A", "price": "9.999"}]},
            "rules.plans.0.price",
        ),
    ],
)
def test_amounts_are_of_the_merchants_currency(
    shop: Shop, kind: Kind, rules: dict[str, Any], field: str
) -> None:
    assert wrong_fields(shop, kind, rules=rules) == [field]


# --- channel links -------------------------------------------------------------------------------


def test_R_UTM_6_channel_links_carry_their_values(shop: Shop) -> None:
    made = shop.template()
    utm = {"source": "flyer", "medium": "print", "campaign": None, "term": None, "content": None}
    with shop.write() as session:
        link = templates.add_channel_link(
            session, made.id, name="  Flyer Herbst ", utm=utm, now=NOON
        )
        assert (link.slug, link.name, link.utm) == ("flyer-herbst", "Flyer Herbst", utm)
    with shop.read() as session:
        found = templates.find_channel_link(session, made.id, "flyer-herbst")
        assert found is not None
        assert found.id == link.id
        assert templates.find_channel_link(session, made.id, "other") is None
        assert [row.id for row in templates.channel_links(session, made.id)] == [link.id]


def test_a_link_has_a_name_of_its_own_in_its_template(shop: Shop) -> None:
    one, other = shop.template(), shop.template()
    with shop.write() as session:
        for made in (one, other):
            templates.add_channel_link(session, made.id, name="Flyer", utm={}, now=NOON)
        with pytest.raises(Conflict) as refusal:
            templates.add_channel_link(session, one.id, name="flyer!", utm={}, now=NOON)
        assert refusal.value.code == "LINK_EXISTS"
