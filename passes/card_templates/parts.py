"""The checked pieces that template documents are made of."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
)

from passes import i18n, money

Language = Literal["de", "en", "nl"]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Days = Annotated[int, Field(strict=True, ge=1, le=36_500)]
Percent = Annotated[str, StringConstraints(pattern=r"^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)$")]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""All but tab and line feed."""


def _in_currency(given: str, info: ValidationInfo) -> str:
    """Whether the merchant's currency has such an amount, when it is known whose template it is."""
    currency = (info.context or {}).get("currency")
    if currency:
        money.parse_decimal(given, currency)
    return given


Money = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{1,3})?$"),
    AfterValidator(_in_currency),
]


class Part(BaseModel):
    """A piece of a template's document: closed, and never changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _in_all_languages(given: object) -> object:
    """A plain string stands for every language."""
    return dict.fromkeys(i18n.LANGUAGES, given) if isinstance(given, str) else given


def _some_words(words: dict[str, str]) -> dict[str, str]:
    trimmed = {language: _CONTROL.sub("", word).strip() for language, word in words.items()}
    if not any(trimmed.values()):
        raise ValueError("must have words in at least one language")
    return trimmed


def _words(longest: int) -> Any:
    return Annotated[
        dict[Language, Annotated[str, StringConstraints(max_length=longest)]],
        BeforeValidator(_in_all_languages),
        AfterValidator(_some_words),
    ]


ShortName = _words(30)
Name = _words(60)
Sentence = _words(200)
Prose = _words(5_000)
