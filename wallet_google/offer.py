"""Coupons as Google's offers."""

from __future__ import annotations

from passes.wallet_port import PassContent
from wallet_google.addresses import Site
from wallet_google.parts import Body, FamilyRules, brand, logo, present
from wallet_google.texts import localized, written


def _class(content: PassContent, site: Site) -> Body:
    language, languages = content.languages[0], content.languages
    title = localized(content.title, language, languages)
    details = localized(content.description, language, languages)
    return {
        **brand(content, site),
        "provider": content.merchant,
        "title": written(content.title, language),
        "titleImage": logo(content, language, site),
        # The code is scanned at the till.
        "redemptionChannel": "INSTORE",
        # Without "details" itself, as text modules are without "body".
        **present(localizedTitle=title, localizedDetails=details if details != title else None),
    }


OFFER = FamilyRules("offer", lambda _: {}, _class, lambda _, __: {}, lambda _: {})
