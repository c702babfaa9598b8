"""What a card's page asks for again and again: its figures as data, without words."""

from __future__ import annotations

from datetime import UTC, date, datetime

from passes.wallet_port import Amount, FieldValue, PassContent, Place, State


def state(content: PassContent) -> dict[str, object]:
    """The card as JSON. Values are raw, so that the page writes them in its own language."""
    return {
        "version": content.version,
        "state": content.state.value,
        "code": content.code,
        "fields": [
            {"key": field.key, "label": dict(field.label), "value": _raw(field.value)}
            for field in content.fields
            if field.place is not Place.BACK
        ],
        "expires_at": _moment(content.expires_at) if content.expires_at else None,
        "updated_at": _moment(content.changed_at),
    }


def tag(content: PassContent) -> str:
    """The ETag: the version, and the state where time alone changed it."""
    ended = "" if content.state is State.VALID else f"-{content.state.value}"
    return f"s{content.version}{ended}"


def _raw(value: FieldValue) -> object:
    if isinstance(value, Amount):
        return {"minor": value.minor, "currency": value.currency, "digits": value.digits}
    if isinstance(value, int):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return dict(value)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
