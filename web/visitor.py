"""Who asks for a page, as far as a request tells: a phone or a computer, a person or a machine."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Request

from passes.wallet_port import Platform, Visitor
from web.language import page_language

_IOS = re.compile(r"\b(iPhone|iPad|iPod)\b")
_ANDROID = re.compile(r"\bAndroid\b")

_MACHINES = re.compile(
    # Chats and social networks that draw a preview of every link, mail gateways that open it
    # first, and search engines.
    r"bot\b|crawler|spider|preview|scanner|facebookexternalhit|facebot|whatsapp|telegram"
    r"|slack|discord|skypeuri|linkedin|twitter|pinterest|embedly|viber|mastodon|bluesky"
    r"|applebot|bingpreview|google-read-aloud|googleimageproxy|mimecast|proofpoint|barracuda"
    r"|safelinks",
    re.IGNORECASE,
)
_IN_APP = re.compile(r"FBAN|FBAV|Instagram|Line/|TikTok|musical_ly|Snapchat|; wv\)")


def visitor_of(request: Request) -> Visitor:
    """The visitor. An iPad that asks for desktop pages cannot be told from a Mac: both are OTHER,
    where Apple Wallet is offered first all the same."""
    agent = request.user_agent.string
    if _IOS.search(agent):
        platform = Platform.IOS
    elif _ANDROID.search(agent):
        platform = Platform.ANDROID
    else:
        platform = Platform.OTHER
    return Visitor(platform, page_language(), agent)


def is_machine(request: Request) -> bool:
    """Whether a program looks at the link ahead of a person: previews, scanners, prefetching.

    Decides about statistics only; who lies about it gets the same page (spec: web.md 1.5).
    """
    agent = request.user_agent.string
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return (
        request.method == "HEAD"
        or not agent
        or "prefetch" in purpose
        or "prerender" in purpose
        or _MACHINES.search(agent) is not None
    )


def is_new_arrival(request: Request) -> bool:
    """Whether a person has just followed a link to here, rather than turned a page of ours."""
    return request.headers.get("Sec-Fetch-Site") != "same-origin" and not is_machine(request)


def is_in_app_browser(request: Request) -> bool:
    """Whether this is the browser inside another app, which can put nothing on a home screen."""
    return _IN_APP.search(request.user_agent.string) is not None


def is_foreign_form(request: Request) -> bool:
    """Whether another site's page sent this form (spec: security.md 3.5.1).

    Browsers say so in Sec-Fetch-Site, older ones in Origin. A program that says neither carries
    nobody's cookies, so nothing can be done in another's name.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host
