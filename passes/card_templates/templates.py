"""Makes card templates and new versions of them, and reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import ids
from passes.card_templates.definition import Definition, parse
from passes.card_templates.kinds import Kind
from passes.card_templates.models import (
    CardTemplate,
    CardTemplateVersion,
    ChannelLink,
    TemplateRollout,
    UploadedPicture,
)
from passes.card_templates.pictures import ROLES
from passes.errors import Conflict, Invalid, NotFound, WrongField
from passes.merchants import directory
from passes.merchants.accounts import wallet_accounts
from passes.merchants.merchants import business, locations
from passes.store import merchant_of

STATUSES = ("draft", "active", "paused", "archived")


@dataclass(frozen=True, slots=True)
class Template:
    """A template in one of its versions."""

    id: UUID
    merchant_id: UUID
    slug: str
    kind: Kind
    status: str
    version: int
    definition: Definition


def create(
    session: Session,
    kind: Kind,
    document: Mapping[str, Any],
    now: datetime,
    *,
    status: str = "active",
    slug: str | None = None,
) -> Template:
    """A template in its first version. Raises Invalid that names every wrong field."""
    template_id = ids.new_id()
    definition = _checked(session, kind, document, template_id)
    name = slug or definition.name.get(definition.language) or next(iter(definition.name.values()))
    row = CardTemplate(
        merchant_id=merchant_of(session),
        id=template_id,
        slug=directory.enter_slug(session, directory.Known.TEMPLATE, name, template_id),
        kind=kind.value,
        status=_known_status(status),
        version=0,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _add_version(session, row, definition, now)


def revise(
    session: Session,
    template_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
    *,
    expiry_for_all: bool = False,
) -> Template:
    """A new version: ``changes`` replace whole top-level parts of the document. Raises Invalid.

    The cards get it in the background (R-UPD-3). Its expiry rule is for new cards only, unless
    it is to be for all that go by the rule (R-EXP-3).
    """
    row = session.get(CardTemplate, (merchant_of(session), template_id), with_for_update=True)
    if row is None:
        raise NotFound("card template")
    if row.status == "archived":
        raise Conflict("This card template is archived.", code="TEMPLATE_ARCHIVED")
    document = {**_definition(session, row).model_dump(mode="json"), **changes}
    made = _add_version(session, row, _checked(session, Kind(row.kind), document, row.id), now)
    _roll_out(session, made, now, expiry_for_all=expiry_for_all)
    return made


def renew(session: Session, template_id: UUID, now: datetime) -> Template:
    """A new version that says the same, because what the passes show besides it has changed.

    A version stands for all that its cards show alike, the catalogue of rewards included.
    """
    row = session.get(
        CardTemplate,
        (merchant_of(session), template_id),
        with_for_update=True,
        populate_existing=True,
    )
    if row is None:
        raise NotFound("card template")
    if row.status == "archived":
        raise Conflict("This card template is archived.", code="TEMPLATE_ARCHIVED")
    made = _add_version(session, row, _definition(session, row), now)
    _roll_out(session, made, now)
    return made


def set_status(session: Session, template_id: UUID, status: str) -> Template:
    """draft, active, paused (no new cards) or archived (cards stop working)."""
    row = session.get(CardTemplate, (merchant_of(session), template_id))
    if row is None:
        raise NotFound("card template")
    row.status = _known_status(status)
    session.flush()
    return _of(row, _definition(session, row))


def get(session: Session, template_id: UUID) -> Template:
    """The template in its newest version. Raises NotFound."""
    row = session.get(CardTemplate, (merchant_of(session), template_id))
    if row is None:
        raise NotFound("card template")
    return _of(row, _definition(session, row))


def all_of_merchant(session: Session) -> list[Template]:
    """The merchant's templates, oldest first."""
    rows = session.scalars(
        select(CardTemplate)
        .where(CardTemplate.merchant_id == merchant_of(session))
        .order_by(CardTemplate.created_at, CardTemplate.id)
    )
    return [_of(row, _definition(session, row)) for row in rows]


_definitions: dict[tuple[UUID, UUID, int], Definition] = {}


def definition_of(session: Session, template_id: UUID, version: int, kind: Kind) -> Definition:
    """The definition of one version. Versions never change, so each is read once per process."""
    key = (merchant_of(session), template_id, version)
    known = _definitions.get(key)
    if known is None:
        if len(_definitions) >= 1_024:
            _definitions.clear()
        found = session.scalar(
            select(CardTemplateVersion.definition).where(
                CardTemplateVersion.merchant_id == key[0],
                CardTemplateVersion.template_id == template_id,
                CardTemplateVersion.version == version,
            )
        )
        if found is None:
            raise NotFound("version of this card template")
        known = _definitions[key] = parse(kind, found)
    return known


def add_channel_link(
    session: Session,
    template_id: UUID,
    *,
    name: str,
    utm: Mapping[str, str | None],
    now: datetime,
    slug: str | None = None,
) -> ChannelLink:
    """A sign-up link with UTM values of its own (R-UTM-6)."""
    template = get(session, template_id)
    link = ChannelLink(
        merchant_id=template.merchant_id,
        id=ids.new_id(),
        template_id=template.id,
        slug=ids.slug_of(slug or name),
        name=name.strip(),
        utm=dict(utm),
        created_at=now,
    )
    if find_channel_link(session, template_id, link.slug) is not None:
        raise Conflict("This template has a link with this name.", code="LINK_EXISTS")
    session.add(link)
    session.flush()
    return link


def find_channel_link(session: Session, template_id: UUID, slug: str) -> ChannelLink | None:
    return session.scalar(
        select(ChannelLink).where(
            ChannelLink.merchant_id == merchant_of(session),
            ChannelLink.template_id == template_id,
            ChannelLink.slug == slug,
        )
    )


def channel_links(session: Session, template_id: UUID) -> list[ChannelLink]:
    """The template's links, oldest first."""
    return list(
        session.scalars(
            select(ChannelLink)
            .where(
                ChannelLink.merchant_id == merchant_of(session),
                ChannelLink.template_id == template_id,
            )
            .order_by(ChannelLink.created_at, ChannelLink.id)
        )
    )


def _add_version(
    session: Session, row: CardTemplate, definition: Definition, now: datetime
) -> Template:
    session.add(
        CardTemplateVersion(
            merchant_id=row.merchant_id,
            template_id=row.id,
            version=row.version + 1,
            definition=definition.model_dump(mode="json"),
            created_at=now,
        )
    )
    row.version += 1
    session.flush()
    return _of(row, definition)


def _roll_out(
    session: Session, made: Template, now: datetime, *, expiry_for_all: bool = False
) -> None:
    """Has the cards brought up to the new version; one that was on its way begins anew.

    What that one was to do to their expiry is still done.
    """
    key = (made.merchant_id, made.id)
    rollout = session.get(TemplateRollout, key, with_for_update=True)
    if rollout is None:
        rollout = TemplateRollout(merchant_id=made.merchant_id, template_id=made.id)
        session.add(rollout)
    rollout.version, rollout.after_card, rollout.started_at = made.version, None, now
    if expiry_for_all:
        rollout.expiry_version = made.version
    session.flush()


def _checked(
    session: Session, kind: Kind, document: Mapping[str, Any], template_id: UUID
) -> Definition:
    """Parses the document and checks that what it points to is this merchant's."""
    definition = parse(kind, document, currency=business(session).currency)
    merchant_id = merchant_of(session)
    wrong = []
    for role in ROLES:
        picture_id = getattr(definition.look, role)
        if picture_id is None:
            continue
        found = session.scalar(
            select(UploadedPicture.role).where(
                UploadedPicture.merchant_id == merchant_id, UploadedPicture.id == picture_id
            )
        )
        if found != role:
            wrong.append(WrongField(f"look.{role}", f"there is no uploaded {role} with this id"))
    successor_id = getattr(definition.rules, "convert_to", None)
    if successor_id is not None:
        successor = session.get(CardTemplate, (merchant_id, successor_id))
        if successor_id == template_id or successor is None or successor.status != "active":
            wrong.append(
                WrongField("rules.convert_to", "must be another card template that is active")
            )
    if definition.location_ids:
        known = {location.id for location in locations(session)}
        wrong += [
            WrongField(f"location_ids.{place}", "there is no such location")
            for place, location_id in enumerate(definition.location_ids)
            if location_id not in known
        ]
    wrong += [
        WrongField(f"wallet_accounts.{wallet}", "there is no account of this name; enter it first")
        for wallet, name in definition.wallet_accounts.items()
        if name not in {account.name for account in wallet_accounts(session, wallet)}
    ]
    if wrong:
        raise Invalid(wrong)
    return definition


def _definition(session: Session, row: CardTemplate) -> Definition:
    return definition_of(session, row.id, row.version, Kind(row.kind))


def _of(row: CardTemplate, definition: Definition) -> Template:
    return Template(
        id=row.id,
        merchant_id=row.merchant_id,
        slug=row.slug,
        kind=Kind(row.kind),
        status=row.status,
        version=row.version,
        definition=definition,
    )


def _known_status(status: str) -> str:
    if status not in STATUSES:
        raise Invalid.field("status", f"must be one of {', '.join(STATUSES)}")
    return status
