"""Customers: made, changed, found."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from passes.customers import customers
from passes.customers.details import Details
from passes.customers.models import Customer
from web.api import answers, paging, shown
from web.api.operation import Call, operation
from web.api.templates import row_id


class CustomerSearch(paging.Page):
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    external_id: Annotated[str, StringConstraints(max_length=100)] | None = None


@operation(
    "POST",
    "/customers",
    "Add a customer",
    scope="customers",
    body=Details,
    answer=answers.CustomerShape,
)
def create_customer(call: Call) -> dict[str, Any]:
    return shown.customer(customers.create(call.session, call.body(Details), call.now), {})


@operation(
    "GET",
    "/customers",
    "Customers, newest first, or those with a contact",
    scope="customers",
    query=CustomerSearch,
    answer=answers.CustomerList,
)
def list_customers(call: Call) -> dict[str, Any]:
    asked = call.query(CustomerSearch)
    found = customers.search(
        call.session,
        phone=asked.phone,
        email=asked.email,
        external_id=asked.external_id,
        after=asked.after(),
        limit=asked.limit + 1,
    )
    return paging.page(
        found, asked.limit, lambda row: _shown(call, row), lambda row: (row.created_at, row.id)
    )


@operation(
    "GET",
    "/customers/<customer_id>",
    "One customer",
    scope="customers",
    answer=answers.CustomerShape,
)
def get_customer(call: Call) -> dict[str, Any]:
    return _shown(call, customers.get(call.session, row_id(call, "customer_id", "customer")))


@operation(
    "PATCH",
    "/customers/<customer_id>",
    "Change a customer; the card keeps what it was issued with",
    scope="customers",
    body=Details,
    answer=answers.CustomerShape,
)
def change_customer(call: Call) -> dict[str, Any]:
    customer_id = row_id(call, "customer_id", "customer")
    return _shown(call, customers.change(call.session, customer_id, call.body(Details), call.now))


def _shown(call: Call, row: Customer) -> dict[str, Any]:
    return shown.customer(row, customers.consents_of(call.session, row.id))
