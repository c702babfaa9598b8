"""The merchant's colours as a stylesheet: inline styles are forbidden on a card's page."""

from __future__ import annotations

import hashlib
import re

from passes.wallet_port import Look

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def colours(look: Look) -> str:
    """The custom properties ``--card``, ``--card-ink`` and ``--card-label``."""
    named = {
        "--card": look.background,
        "--card-ink": look.foreground,
        "--card-label": look.label,
    }
    rules = ";".join(f"{name}:{_colour(value)}" for name, value in named.items())
    return f":root{{{rules}}}\n"


def fingerprint(look: Look) -> str:
    """What the stylesheet's address ends with, so that it can be kept until it changes."""
    return hashlib.sha256(colours(look).encode()).hexdigest()[:12]


def _colour(given: str) -> str:
    """The colour, or a stylesheet's word for "as around it" if it is none."""
    return given if _COLOUR.fullmatch(given) else "inherit"
