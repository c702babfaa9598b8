"""All that the card's template is given which follows from the card alone."""

from __future__ import annotations

import hashlib

from passes.wallet_port import CardPage
from pwa.codes import code_groups, code_svg, size_of
from pwa.face import face, initials
from pwa.manifest import short_name
from pwa.wallet import LOGO, PHOTO, STRIP, TOUCH_ICON


def shown(page: CardPage) -> dict[str, object]:
    """The variables of ``card.html`` by name.

    What depends on the request or the time comes from the route: ``kind``, ``language``,
    ``has_expired``, ``drawn_at``, ``push``, ``thanks``, ``errors``.
    """
    content, sharing = page.content, page.sharing
    pictures = content.look.pictures
    logo, photo = pictures.get(LOGO), pictures.get(PHOTO)
    return {
        "page": page,
        "content": content,
        "face": face(content, page.rewards, has_sharing=sharing is not None),
        "monogram": initials(content.holder),
        "serial_hash": hashlib.sha256(content.serial.encode()).hexdigest()[:12],
        "short_name": short_name(content.merchant),
        "code_svg": code_svg(content.code),
        "code_groups": code_groups(content.code),
        "share_svg": code_svg(sharing.url) if sharing else None,
        "logo": logo,
        "logo_size": size_of(logo) if logo else None,
        "strip": pictures.get(STRIP),
        "photo": photo,
        "photo_size": size_of(photo) if photo else None,
        "touch_icon": pictures.get(TOUCH_ICON),
    }
