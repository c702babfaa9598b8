"""The JSON API, and the document that describes it."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Adds every call of the API, its OpenAPI document and a readable page of it."""
    from web.api import (
        activities,
        aliases,
        cards,
        customers,
        document,
        door,
        feedback,
        gifts,
        merchant,
        referrals,
        rewards,
        templates,
        transactions,
        wallets,
    )

    views = (
        activities,
        aliases,
        cards,
        customers,
        feedback,
        gifts,
        merchant,
        referrals,
        rewards,
        templates,
        transactions,
        wallets,
    )
    assert all(views)  # noqa: S101 - they register
    door.init_app(app)
    app.register_blueprint(document.blueprint)
