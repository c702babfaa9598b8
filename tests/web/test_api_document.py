"""The OpenAPI document is valid, complete, and what the API does."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.conftest import Shop
from web.api.operation import OPERATIONS


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    document: Any = client.get("/api/openapi.json").json
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_below_the_api_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    documented = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, methods in client.get("/api/openapi.json").json["paths"].items()
        for method in methods
    }
    routes = {
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/api/v1/")
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert routes == documented
    assert len(OPERATIONS) == len(documented)


def test_every_call_wants_a_key(app: Flask, client: FlaskClient) -> None:
    for made in OPERATIONS:
        path = "/api/v1" + made.path.replace("<", "").replace(">", "")
        answer = client.open(path, method=made.method, json={})
        assert answer.status_code == 401, made
        assert answer.content_type == "application/problem+json"
        assert answer.json["code"] == "UNAUTHORIZED"


def test_a_person_can_read_it(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    for made in OPERATIONS:
        assert escape(made.summary) in page.text


def test_answers_have_their_documented_shape(alma: Shop) -> None:
    template = alma.template("multipass")
    customer = alma.post("/customers", {"first_name": "Anna", "phone": "030 1234567"})
    card = alma.card(template["id"], customer_id=customer["id"])
    posted = alma.post(f"/cards/{card['id']}/add-visits", {"value": 2, "purchase_amount": "5.00"})
    link = alma.post(f"/templates/{template['id']}/links", {"name": "Poster", "source": "flyer"})
    location = alma.post("/locations", {"name": "Mitte", "latitude": 52.5, "longitude": 13.4})
    by_name = {made.name: made for made in OPERATIONS}
    for name, answer in (
        ("create_template", template),
        ("create_customer", customer),
        ("issue_card", card),
        ("add_visits", posted),
        ("add_channel_link", link),
        ("add_location", location),
        ("merchant", alma.get("/merchant")),
        ("stats", alma.get("/stats")),
        ("list_cards", alma.get("/cards")),
        ("list_customers", alma.get("/customers")),
        ("list_events", alma.get(f"/cards/{card['id']}/events")),
        ("list_transactions", alma.get("/transactions")),
        ("get_transaction", alma.get(f"/transactions/{posted['entry']['id']}")),
        ("scan", alma.post("/scan", {"code": card["code"]})),
    ):
        by_name[name].answer.model_validate(answer)
