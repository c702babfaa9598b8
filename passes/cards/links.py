"""The addresses and secrets of one card: install link, referral link, card page, till codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from passes import ids
from passes.merchants import directory
from passes.merchants.merchants import business
from passes.wallet_port import Rotating


@dataclass(frozen=True, slots=True)
class Links:
    """Public addresses. ``install`` and ``page`` are as good as a key to the card."""

    install: str = field(repr=False)
    referral: str
    page: str = field(repr=False)


def install_token(key: bytes, card_id: UUID, version: int) -> str:
    return ids.derived_token(key, "install link", card_id, version)


def page_token(key: bytes, card_id: UUID, version: int) -> str:
    return ids.derived_token(key, "card page", card_id, version)


def wallet_secret(key: bytes, card_id: UUID) -> str:
    """Apple's authenticationToken and its like: never changes, because a pass keeps it for life."""
    return ids.derived_token(key, "wallet secret", card_id, 1)


def rotating_code(key: bytes, card_id: UUID) -> Rotating:
    """What changes with time in the card's till code; a pass keeps its key, too."""
    return Rotating(ids.derived_key(key, "rotating code", card_id, 1))


def links_of(session: Session, card: Any, base_url: str) -> Links:
    """The links of a card (a row of the table, or a Card)."""
    key = business(session).token_key
    return Links(
        install=f"{base_url}/i/{install_token(key, card.id, card.install_token_version)}",
        referral=f"{base_url}/r/{card.referral_code}",
        page=f"{base_url}/c/{page_token(key, card.id, card.page_token_version)}/",
    )


def enter_tokens(session: Session, card_id: UUID, install: int, page: int) -> None:
    """Makes a card's two tokens findable."""
    key = business(session).token_key
    directory.enter(
        session, directory.Known.INSTALL_TOKEN, install_token(key, card_id, install), card_id
    )
    directory.enter(session, directory.Known.PAGE_TOKEN, page_token(key, card_id, page), card_id)


def replace_install_link(session: Session, card: Any) -> None:
    """A new personal link; the old one stops working at once (R-ID-2)."""
    key = business(session).token_key
    directory.forget(
        session,
        directory.Known.INSTALL_TOKEN,
        install_token(key, card.id, card.install_token_version),
    )
    card.install_token_version += 1
    directory.enter(
        session,
        directory.Known.INSTALL_TOKEN,
        install_token(key, card.id, card.install_token_version),
        card.id,
    )
    session.flush()


def till_code(session: Session, serial: str) -> str:
    """The 16 letters of the card's barcode."""
    return ids.till_code(business(session).token_key, serial)
