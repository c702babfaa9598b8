"""Memberships as Google's generic passes, whose looks are in each object: their class has none."""

from __future__ import annotations

from collections.abc import Mapping

from passes.wallet_port import Field, PassContent
from wallet_google.addresses import Site
from wallet_google.parts import Body, FamilyRules, hero, is_name, logo, present
from wallet_google.texts import localized


def _figures(content: PassContent) -> Mapping[str, Field]:
    """The holder's name: a member's card is about the person."""
    names = [field for field in content.fields if is_name(field, content)]
    return {"header": names[0]} if names else {}


def _object(content: PassContent, site: Site) -> Body:
    language = content.language
    body = {
        **_titles(content),
        "genericType": "GENERIC_MEMBERSHIP_CARD",
        "hexBackgroundColor": content.look.background,
        "logo": logo(content, language, site),
        **present(heroImage=hero(content, language, site)),
    }
    if content.holder:
        name = localized({language: content.holder}, language, ())
        body |= present(
            header=name, subheader=localized(content.title, language, content.languages)
        )
    return body


def _titles(content: PassContent) -> Body:
    """What every generic object must have (Google: cardTitle and header are required)."""
    language = content.language
    return present(
        cardTitle=localized({language: content.merchant}, language, ()),
        header=localized(content.title, language, content.languages),
    )


GENERIC = FamilyRules("generic", _figures, lambda _, __: {}, _object, _titles)
