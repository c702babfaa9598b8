"""The merchant's own facts, its locations, and what its business comes to."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from passes import money
from passes.card_templates import templates
from passes.errors import Invalid, NotFound
from passes.merchants import merchants
from passes.statistics.revenue import statistics
from web.api import answers, reading
from web.api.operation import Call, operation
from web.api.reading import Body


class NewLocation(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    address: Annotated[str, StringConstraints(max_length=300)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    nearby_text: dict[str, Annotated[str, StringConstraints(max_length=100)]] | None = None


class StatisticsQuery(Body):
    """``from`` and ``to`` are times; without them: all time."""

    template_id: UUID | None = None
    since: Annotated[reading.Moment | None, Field(alias="from")] = None
    until: Annotated[reading.Moment | None, Field(alias="to")] = None


@operation(
    "GET", "/merchant", "The merchant of this key", scope="read", answer=answers.MerchantShape
)
def merchant(call: Call) -> dict[str, Any]:
    known = call.merchant
    return {
        "id": known.id,
        "slug": known.slug,
        "name": known.name,
        "language": known.language,
        "time_zone": known.time_zone,
        "currency": known.currency,
        "country": known.country,
    }


@operation("GET", "/locations", "All branches", scope="read", answer=answers.LocationList)
def list_locations(call: Call) -> dict[str, Any]:
    return {"items": [_shown(row) for row in merchants.locations(call.session)], "next": None}


@operation(
    "POST",
    "/locations",
    "Add a branch",
    scope="admin",
    body=NewLocation,
    answer=answers.LocationShape,
)
def add_location(call: Call) -> dict[str, Any]:
    asked = call.body(NewLocation)
    return _shown(
        merchants.add_location(
            call.session,
            name=asked.name,
            address=asked.address,
            latitude=asked.latitude,
            longitude=asked.longitude,
            nearby_text=asked.nearby_text,
            now=call.now,
        )
    )


@operation(
    "GET",
    "/stats",
    "Revenue and cards, of one template or all",
    scope="read",
    query=StatisticsQuery,
    answer=answers.StatisticsShape,
)
def stats(call: Call) -> dict[str, Any]:
    asked = call.query(StatisticsQuery)
    since = reading.moment(asked.since, "from")
    until = reading.moment(asked.until, "to")
    if since and until and since >= until:
        raise Invalid.field("to", "must come after from")
    if asked.template_id is not None:
        try:
            templates.get(call.session, asked.template_id)
        except NotFound:
            raise Invalid.field("template_id", "there is no such card template") from None
    found = statistics(call.session, template_id=asked.template_id, since=since, until=until)
    return {
        "revenue": money.to_text(found.revenue, call.merchant.currency),
        "cards_issued": found.cards_issued,
        "cards_installed": found.cards_installed,
        "transactions": found.transactions,
    }


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "address": row.address,
        "latitude": row.latitude,
        "longitude": row.longitude,
    }
