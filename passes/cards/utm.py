"""Where a customer came from: the UTM values of a link, cleaned and in their order (R-UTM-1..5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from passes.customers.details import plain_line

FIELDS = ("source", "medium", "campaign", "term", "content")
LONGEST = 150
LONGEST_RAW = 500


@dataclass(frozen=True, slots=True)
class Utm:
    """The five values. ``source`` is None until one is decided on."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None

    def __bool__(self) -> bool:
        return any((self.source, self.medium, self.campaign, self.term, self.content))

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


def from_query(query: Mapping[str, str]) -> Utm:
    """The values of a link, already decoded once: ``utm_source`` before its alias ``src``."""
    values = {name: clean(query.get(f"utm_{name}")) for name in FIELDS}
    values["source"] = values["source"] or clean(query.get("src"))
    return Utm(**values)


def from_values(values: Mapping[str, object]) -> Utm:
    """Values that were kept: of a channel link, a signed form, or a program."""
    return Utm(
        **{name: clean(value) for name in FIELDS if isinstance(value := values.get(name), str)}
    )


def raw(query: Mapping[str, str]) -> dict[str, str]:
    """What the link said, word for word (R-UTM-2); bounded, and without what no database keeps."""
    names = [*(f"utm_{name}" for name in FIELDS), "src"]
    said = {name: query[name][:LONGEST_RAW].replace("\x00", "") for name in names if name in query}
    return {name: value for name, value in said.items() if value}


def clean(value: str | None) -> str | None:
    """NFC, trimmed, no control characters, at most 150 characters; None when nothing is left."""
    return (plain_line(value)[:LONGEST].strip() or None) if value else None


def decide(given: Utm, link: Utm | None, otherwise: str) -> Utm:
    """What stands on the card (R-UTM-3): the link's own values, those stored with a channel link,
    else what the way of issuing says: referral, manual, import, api or direct. Never without a
    source.
    """
    if given:
        base = given
        if base.source is None and link is not None:
            base = Utm(link.source, base.medium, base.campaign, base.term, base.content)
    elif link:
        base = link
    else:
        base = Utm()
    return Utm(base.source or otherwise, base.medium, base.campaign, base.term, base.content)
