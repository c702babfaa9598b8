"""Who opened an install link, and what a wallet offers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum


class Fit(IntEnum):
    """How well a wallet suits a visitor's device; the highest is offered first."""

    NO = 0
    POSSIBLE = 1
    NATIVE = 2


class Platform(Enum):
    IOS = "ios"
    ANDROID = "android"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opened an install link, as far as their browser says."""

    platform: Platform
    language: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the visitor's device."""

    body: bytes = field(repr=False)
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """An address where the visitor adds the pass."""

    url: str = field(repr=False)
