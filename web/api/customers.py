"""Customers: made, changed, found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints, model_validator

from passes.cards import leave
from passes.customers import customers
from passes.customers.details import Details
from passes.customers.models import Customer
from passes.rewards.totals import Totals, of_customers
from web.api import answers, paging, shown
from web.api.operation import Call, operation
from web.api.templates import row_id


class NewCustomer(Details):
    """The names of Boomerangme's API are read too: ``firstName``, ``surname``, ``dateOfBirth``,
    ``externalUserId``, and ``gender`` as 0 (unknown), 1 (male) or 2 (female)."""

    @model_validator(mode="before")
    @classmethod
    def _read_other_names(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        read = {_OTHER_NAMES.get(name, name): value for name, value in given.items()}
        gender = read.get("gender")
        if isinstance(gender, int) and not isinstance(gender, bool) and gender in _GENDERS:
            read["gender"] = _GENDERS[gender]
        if isinstance(read.get("birthday"), str) and "dateOfBirth" in given:
            read["birthday"] = read["birthday"].partition("T")[0]
        return read


_OTHER_NAMES = {
    "firstName": "first_name",
    "surname": "last_name",
    "dateOfBirth": "birthday",
    "externalUserId": "external_id",
}
_GENDERS = {0: "unknown", 1: "male", 2: "female"}


class CustomerSearch(paging.Page):
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    external_id: Annotated[str, StringConstraints(max_length=100)] | None = None


@operation(
    "POST",
    "/customers",
    "Add a customer",
    scope="customers",
    body=NewCustomer,
    answer=answers.CustomerShape,
)
def create_customer(call: Call) -> dict[str, Any]:
    made = customers.create(call.session, call.body(NewCustomer), call.now)
    return shown.customer(made, {}, Totals(), call.merchant.currency)


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
    totals = of_customers(call.session, [row.id for row in found])
    return paging.page(
        found,
        asked.limit,
        lambda row: _shown(call, row, totals),
        lambda row: (row.created_at, row.id),
    )


@operation(
    "GET",
    "/customers/<customer_id>",
    "One customer",
    scope="customers",
    answer=answers.CustomerShape,
)
def get_customer(call: Call) -> dict[str, Any]:
    row = customers.get(call.session, row_id(call, "customer_id", "customer"))
    return _shown(call, row, of_customers(call.session, [row.id]))


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
    row = customers.change(call.session, customer_id, call.body(Details), call.now)
    return _shown(call, row, of_customers(call.session, [row.id]))


@operation(
    "DELETE",
    "/customers/<customer_id>",
    "Delete a customer whose cards are all deleted; can be restored for 30 days",
    scope="customers",
    answer=answers.DeletedCustomer,
)
def delete_customer(call: Call) -> dict[str, Any]:
    row = leave.delete(call.session, row_id(call, "customer_id", "customer"), call.now)
    assert row.deleted_at is not None  # noqa: S101 - it was deleted this moment
    return {
        "id": row.id,
        "deleted_at": row.deleted_at,
        "restorable_until": row.deleted_at + leave.RESTORABLE,
    }


@operation(
    "POST",
    "/customers/<customer_id>/restore",
    "Bring a deleted customer back; the cards stay deleted until each is restored",
    scope="customers",
    status=200,
    answer=answers.CustomerShape,
)
def restore_customer(call: Call) -> dict[str, Any]:
    row = leave.restore(call.session, row_id(call, "customer_id", "customer"), call.now)
    return _shown(call, row, of_customers(call.session, [row.id]))


def _shown(call: Call, row: Customer, totals: Mapping[UUID, Totals]) -> dict[str, Any]:
    consents = customers.consents_of(call.session, row.id)
    return shown.customer(row, consents, totals.get(row.id, Totals()), call.merchant.currency)
