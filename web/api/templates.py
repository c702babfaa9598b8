"""Card templates: made, revised, given pictures and channel links."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints

from passes.card_templates import pictures, templates
from passes.card_templates.definition import Expiry
from passes.card_templates.kinds import Kind
from passes.cards import expiry, utm
from passes.errors import Invalid, NotFound
from web.api import answers, shown
from web.api.operation import Call, operation
from web.api.reading import Body, WholeNumber

Status = Literal["draft", "active", "paused", "archived"]


class Parts(Body):
    """The parts of a definition; each replaces the whole part. See the guide to templates."""

    name: str | dict[str, str] | None = None
    description: str | dict[str, str] | None = None
    language: Literal["de", "en", "nl"] | None = None
    look: dict[str, Any] | None = None
    texts: dict[str, Any] | None = None
    fields: list[dict[str, Any]] | None = None
    code_format: Literal["qr", "pdf417", "aztec", "code128"] | None = None
    rotating_code: bool | None = None
    rules: dict[str, Any] | None = None
    expiry: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    location_ids: list[UUID] | None = None
    wallet_accounts: dict[str, str] | None = None
    personalisation: dict[str, Any] | None = None
    earning: dict[str, Any] | None = None
    welcome_bonus: WholeNumber | None = None
    referral: dict[str, Any] | None = None
    reminders: list[WholeNumber] | None = None


class NewTemplate(Parts):
    kind: Kind
    status: Status = "active"
    slug: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None


class TemplateChange(Parts):
    """``apply_expiry_to``: whom a changed ``expiry`` is for, besides new cards (R-EXP-3)."""

    status: Status | None = None
    apply_expiry_to: Literal["new", "all"] = "new"


class ExpiryAsked(Body):
    """A rule as it might become."""

    expiry: Expiry


class NewChannelLink(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    slug: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    source: Annotated[str, StringConstraints(max_length=150)] | None = None
    medium: Annotated[str, StringConstraints(max_length=150)] | None = None
    campaign: Annotated[str, StringConstraints(max_length=150)] | None = None
    term: Annotated[str, StringConstraints(max_length=150)] | None = None
    content: Annotated[str, StringConstraints(max_length=150)] | None = None


@operation("GET", "/templates", "All card templates", scope="read", answer=answers.TemplateList)
def list_templates(call: Call) -> dict[str, Any]:
    return {
        "items": [_shown(call, row) for row in templates.all_of_merchant(call.session)],
        "next": None,
    }


@operation(
    "POST",
    "/templates",
    "Make a card template",
    scope="admin",
    body=NewTemplate,
    answer=answers.TemplateShape,
)
def create_template(call: Call) -> dict[str, Any]:
    asked = call.body(NewTemplate)
    document = _parts(asked, {"kind", "status", "slug"})
    made = templates.create(
        call.session,
        asked.kind,
        {"language": call.merchant.language, **document},
        call.now,
        status=asked.status,
        slug=asked.slug,
    )
    return _shown(call, made)


@operation(
    "GET",
    "/templates/<template_id>",
    "One card template",
    scope="read",
    answer=answers.TemplateShape,
)
def get_template(call: Call) -> dict[str, Any]:
    return _shown(call, templates.get(call.session, row_id(call, "template_id", "card template")))


@operation(
    "PATCH",
    "/templates/<template_id>",
    "Revise a card template: a new version, or another status",
    scope="admin",
    body=TemplateChange,
    answer=answers.TemplateShape,
)
def revise_template(call: Call) -> dict[str, Any]:
    template_id = row_id(call, "template_id", "card template")
    asked = call.body(TemplateChange)
    changes = _parts(asked, {"status", "apply_expiry_to"})
    made = templates.get(call.session, template_id)
    for_all = asked.apply_expiry_to == "all"
    if changes or for_all:
        made = templates.revise(
            call.session, template_id, changes, call.now, expiry_for_all=for_all
        )
    if asked.status is not None:
        made = templates.set_status(call.session, template_id, asked.status)
    return _shown(call, made)


@operation(
    "POST",
    "/templates/<template_id>/expiry-preview",
    "What another expiry rule would do to the cards that are out; changes nothing",
    scope="read",
    status=200,
    body=ExpiryAsked,
    answer=answers.ExpiryPreviewShape,
)
def preview_expiry(call: Call) -> dict[str, Any]:
    template = templates.get(call.session, row_id(call, "template_id", "card template"))
    rule = call.body(ExpiryAsked).expiry
    return asdict(expiry.preview(call.session, template.id, rule, call.now))


@operation(
    "PUT",
    "/pictures/<role>",
    "Upload a picture (PNG or JPEG, at most 2 MB and 4 million pixels) for a template's look",
    scope="admin",
    status=201,
    picture=True,
    answer=answers.PictureShape,
)
def upload_picture(call: Call) -> dict[str, Any]:
    role = call.path["role"]
    picture_id = pictures.upload(
        call.session, role, call.request.get_data(), call.services.picture_sizes, call.now
    )
    return {"id": picture_id, "role": role}


@operation(
    "GET",
    "/templates/<template_id>/links",
    "The sign-up links of a template, one per channel",
    scope="read",
    answer=answers.ChannelLinkList,
)
def list_channel_links(call: Call) -> dict[str, Any]:
    template = templates.get(call.session, row_id(call, "template_id", "card template"))
    return {
        "items": [
            shown.channel_link(row, template, call.services.base_url)
            for row in templates.channel_links(call.session, template.id)
        ],
        "next": None,
    }


@operation(
    "POST",
    "/templates/<template_id>/links",
    "Make a sign-up link with UTM values of its own",
    scope="admin",
    body=NewChannelLink,
    answer=answers.ChannelLinkShape,
)
def add_channel_link(call: Call) -> dict[str, Any]:
    template = templates.get(call.session, row_id(call, "template_id", "card template"))
    asked = call.body(NewChannelLink)
    values = utm.from_values(asked.model_dump())
    link = templates.add_channel_link(
        call.session,
        template.id,
        name=asked.name,
        slug=asked.slug,
        utm=values.as_dict(),
        now=call.now,
    )
    return shown.channel_link(link, template, call.services.base_url)


def row_id(call: Call, name: str, what: str) -> UUID:
    """The id in the path. Raises NotFound for what cannot be one."""
    try:
        return UUID(call.path[name])
    except ValueError:
        raise NotFound(what) from None


def _parts(asked: Parts, others: set[str]) -> dict[str, Any]:
    given = asked.model_dump(exclude=others, exclude_unset=True)
    missing = [name for name in ("name",) if name in given and given[name] is None]
    if missing:
        raise Invalid.field(missing[0], "must not be empty")
    return {name: value for name, value in given.items() if value is not None or name in _NULLABLE}


_NULLABLE = {"description", "fields", "location_ids", "personalisation"}


def _shown(call: Call, template: templates.Template) -> dict[str, Any]:
    return shown.template(template, call.merchant, call.services.base_url)
