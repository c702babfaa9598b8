"""Customers who are deleted: when it may be, what is gone, and what stays (S1.34, S1.35)."""

from __future__ import annotations

from passes.cards import cards, installations
from passes.store import Store
from tests.conftest import Clock, Shop


def test_T_IN_4_only_when_every_card_is_deleted_and_revenue_stays(alma: Shop) -> None:
    first, second = alma.template("multipass"), alma.template("stamp")
    one = alma.card(first["id"], customer={"first_name": "Anna", "external_id": "A1"})
    customer = one["customer"]["id"]
    other = alma.card(second["id"], customer_id=customer)
    alma.post(f"/cards/{one['id']}/add-visits", {"value": 10, "purchase_amount": "100.00"})
    alma.post(f"/cards/{one['id']}/status", {"status": "deleted"})

    refused = alma.refused("DELETE", f"/customers/{customer}")
    assert refused["code"] == "CARDS_NOT_DELETED"
    assert [card["serial_number"] for card in refused["facts"]["cards"]] == [other["serial_number"]]
    assert alma.get(f"/customers/{customer}")["first_name"] == "Anna"

    alma.post(f"/cards/{other['id']}/status", {"status": "deleted"})
    gone = alma.call("DELETE", f"/customers/{customer}")
    assert gone.status_code == 200
    assert gone.json["restorable_until"] == "2026-12-21T09:00:00Z"
    for path in (
        "/customers",
        "/customers?external_id=A1",
        "/cards",
        f"/cards?customer_id={customer}",
    ):
        assert alma.get(path)["items"] == [], path
    for method in ("GET", "DELETE"):
        assert alma.refused(method, f"/customers/{customer}")["status"] == 404
    again = alma.refused("POST", "/cards", {"template_id": first["id"], "customer_id": customer})
    assert [wrong["field"] for wrong in again["fields"]] == ["customer_id"]
    restored = alma.refused("POST", f"/cards/{one['id']}/status", {"status": "restored"})
    assert restored["code"] == "CUSTOMER_DELETED"
    assert alma.get("/stats")["revenue"] == "100.00"
    # Somebody else may have what they leave behind.
    alma.post("/customers", {"first_name": "Ben", "external_id": "A1"})


def test_R_GDPR_7_a_deleted_customer_can_be_restored_for_thirty_days(
    alma: Shop, now: Clock
) -> None:
    template = alma.template("multipass")
    ids = []
    for _ in range(2):
        card = alma.card(template["id"])
        alma.post(f"/cards/{card['id']}/status", {"status": "deleted"})
        assert alma.call("DELETE", f"/customers/{card['customer']['id']}").status_code == 200
        ids.append((card["id"], card["customer"]["id"]))
    (card, customer), (_, too_late) = ids
    now.move(days=29)
    assert alma.post(f"/customers/{customer}/restore")["first_name"] == "Anna"
    assert alma.get(f"/cards/{card}")["status"] == "deleted"
    alma.post(f"/cards/{card}/status", {"status": "restored"})
    assert alma.refused("POST", f"/customers/{customer}/restore", {})["code"] == "NOT_DELETED"
    now.move(days=1)
    assert alma.refused("POST", f"/customers/{too_late}/restore", {})["code"] == "RESTORE_LATE"


def test_a_pass_that_was_only_removed_is_voided_with_its_customer(
    alma: Shop, store: Store, now: Clock
) -> None:
    shown = alma.card(alma.template("multipass")["id"])
    with store.write(alma.merchant_id) as session:
        card = cards.get(session, shown["id"], locked=True)
        installations.install(session, card, "apple", "phone", {}, now())
        installations.remove(session, card, "apple", "phone", now())
    before = alma.get(f"/cards/{shown['id']}")
    assert (before["status"], before["status_cause"]) == ("deleted", "customer")
    assert alma.call("DELETE", f"/customers/{shown['customer']['id']}").status_code == 200
    after = alma.get(f"/cards/{shown['id']}")
    assert (after["status"], after["status_cause"]) == ("deleted", "merchant")
    assert after["version"] > before["version"]
