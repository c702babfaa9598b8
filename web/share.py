"""The page behind a link that a customer shares for points (AMB-32): a person goes on from it."""

from __future__ import annotations

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from passes import i18n
from passes.errors import RuleBroken
from passes.merchants.directory import Known
from passes.merchants.merchants import business
from passes.rewards import share
from web import services
from web.language import page_language
from web.limits import shared_links
from web.offer import find, look_of
from web.visitor import is_foreign_form, is_machine

blueprint = Blueprint("share", __name__)
SOURCE = "share"
"""Where those come from who go on from such a link to the sign-up page."""


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.after_request
def allow_own_origin(response: Response) -> Response:
    """Our own form must be recognisable as ours: see ``headers``."""
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


@blueprint.get("/s/<token>")
def open_link(token: str) -> Response:
    """What the customer shared, and a button. Changes nothing: previews open links, too."""
    found = find(Known.SHARE_TOKEN, token)
    with services().store.read(found.merchant_id) as session:
        shared = share.look(session, found.subject_id)
        merchant = business(session)
        look = look_of(session, shared.template)
    language = page_language(shared.template.definition.language)
    page = render_template(
        "share.html",
        language=language,
        merchant=merchant.name,
        definition=shared.template.definition,
        title=i18n.pick(shared.activity.name, language),
        prose=i18n.pick(shared.activity.text, language) if shared.activity.text else None,
        action=url_for("share.follow_link", token=token),
        **look,
    )
    return make_response(page)


@blueprint.post("/s/<token>")
@shared_links
def follow_link(token: str) -> Response:
    """A person goes on to the merchant: the one who shared gets the points, once."""
    if is_foreign_form(request):
        abort(403)
    made = services()
    found = find(Known.SHARE_TOKEN, token)
    with made.store.read(found.merchant_id) as session:
        slug = share.look(session, found.subject_id).template.slug
        seen_on = share.origin_of(session, request.remote_addr or "", request.user_agent.string)
    if not is_machine(request):
        try:
            with made.store.write(found.merchant_id) as session:
                share.follow(session, found.subject_id, seen_on, made.now())
        except RuleBroken:
            pass  # limits and the like are between merchant and customer, not this visitor's
    return make_response(redirect(url_for("join.open_offer", slug=slug, src=SOURCE), 303))
