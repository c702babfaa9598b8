"""Text that breaks databases or pages: refused or harmless, never a 5xx."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Shop

NASTY = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\uffff",
    "\u202e",
    "'; DROP TABLE card; --",
    "%s%n",
    "{{7*7}}",
]


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_nasty_text_in_every_field_of_the_api(alma: Shop, text: str) -> None:
    template = alma.template("multipass")
    card = alma.card(template["id"])
    verb = f"/cards/{card['id']}/add-visits"
    bodies: list[tuple[str, str, Any]] = [
        ("POST", "/customers", {"first_name": text, "external_id": f"x{text}"}),
        ("POST", "/customers", {"first_name": "A", "custom_fields": {"a": text}}),
        ("POST", "/customers", {"email": f"{text}@example.com"}),
        ("POST", "/customers", {"phone": text}),
        ("PATCH", f"/customers/{card['customer']['id']}", {"last_name": text}),
        ("POST", "/locations", {"name": f"x{text}", "address": text, "nearby_text": {"de": text}}),
        ("POST", "/templates", {"kind": "stamp", "name": f"x{text}"}),
        ("POST", "/templates", {"kind": "stamp", "name": "x", "texts": {"terms": f"x{text}"}}),
        ("POST", "/templates", {"kind": "stamp", "name": "x", "slug": f"x{text}"}),
        ("POST", f"/templates/{template['id']}/links", {"name": f"x{text}", "source": text}),
        ("POST", "/cards", {
            "template_id": template["id"],
            "customer": {"first_name": f"x{text}"},
            "utm": {"source": text, "content": text},
        }),
        ("POST", verb, {"value": 1, "comment": text}),
        ("POST", verb, {"value": 1, "items": [{"sku": text, "name": text, "labels": [text]}]}),
        ("POST", "/scan", {"code": f"x{text}"}),
        ("GET", f"/customers?phone={text}", None),
        ("GET", f"/customers?email={text}", None),
        ("GET", f"/customers?external_id={text}", None),
        ("GET", f"/cards?utm_source={text}", None),
        ("GET", f"/cards?cursor={text}", None),
        ("GET", f"/cards/{text}", None),
        ("GET", f"/templates/{text}", None),
        ("GET", f"/transactions/{text}", None),
    ]  # fmt: skip
    for method, path, body in bodies:
        path = path.encode("utf-8", "surrogatepass").decode("latin-1") if body is None else path
        answer = alma.call(method, path, body)
        assert answer.status_code < 500, (method, path, answer.text)
        key = alma.call("POST", verb, {"value": 1}, Idempotency_Key="k" + "x" * 70)
        assert key.status_code == 422
