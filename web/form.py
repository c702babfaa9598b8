"""The questions of a sign-up form, as a browser must be told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passes import i18n
from passes.card_templates.definition import CustomFormField, Form
from passes.errors import Invalid
from passes.wallet_port import Text
from web.language import NAMES

HONEYPOT = "confirm_contact"
"""A field that people do not see, and programs that fill in everything do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One field. ``options`` are values with their words; a question with options is a choice.

    ``value`` is what was typed before, ``error`` what is wrong with it.
    """

    name: str
    label: str
    required: bool
    type: str = "text"
    autocomplete: str = "off"
    inputmode: str = ""
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Personal:
    label: Text
    type: str
    autocomplete: str
    inputmode: str = ""


_PERSONAL: Mapping[str, _Personal] = {
    "first_name": _Personal(i18n.text("First name"), "text", "given-name"),
    "last_name": _Personal(i18n.text("Last name"), "text", "family-name"),
    "phone": _Personal(i18n.text("Phone"), "tel", "tel", "tel"),
    "email": _Personal(i18n.text("E-mail"), "email", "email", "email"),
    "birthday": _Personal(i18n.text("Date of birth"), "date", "bday"),
    "gender": _Personal(i18n.text("Gender"), "choice", "sex"),
    "language": _Personal(i18n.text("Language"), "choice", "language"),
}

_GENDERS: Mapping[str, Text] = {
    "female": i18n.text("Female"),
    "male": i18n.text("Male"),
    "diverse": i18n.text("Diverse"),
    "unknown": i18n.text("Not stated"),
}
_YES = i18n.text("Yes")
_NO = i18n.text("No")


def questions(
    form: Form, language: str, given: Mapping[str, str], wrong: Mapping[str, str]
) -> list[Question]:
    """The fields of a form in their order; ``wrong`` says by name what cannot be accepted."""
    asked = []
    for field in form.fields:
        about = _PERSONAL[field.key]
        asked.append(
            Question(
                name=field.key,
                label=about.label[language],
                required=field.required,
                type=about.type,
                autocomplete=about.autocomplete,
                inputmode=about.inputmode,
                options=_personal_options(field.key, language),
                value=given.get(field.key, ""),
                error=wrong.get(field.key, ""),
            )
        )
    for own in form.custom:
        asked.append(
            Question(
                name=own.key,
                label=i18n.pick(own.label, language),
                required=own.required,
                type={"number": "text", "yes_no": "choice"}.get(own.type, own.type),
                inputmode="decimal" if own.type == "number" else "",
                options=_own_options(own, language),
                value=given.get(own.key, ""),
                error=wrong.get(own.key, ""),
            )
        )
    return asked


def answers(form: Form, given: Mapping[str, str]) -> dict[str, str]:
    """What was answered to the questions of the form, and nothing else."""
    names = [field.key for field in form.fields] + [own.key for own in form.custom]
    names += [f"consent_{channel}" for channel in form.consents]
    return {name: given[name] for name in names if name in given}


def errors(refused: Invalid, asked: Sequence[Question]) -> tuple[dict[str, str], list[str]]:
    """What is wrong, by the name of the question, and what belongs to none of them."""
    names = {question.name for question in asked}
    wrong: dict[str, str] = {}
    others: list[str] = []
    for found in refused.fields:
        name = found.field.removeprefix("custom_fields.").split(".")[0]
        if name in names:
            wrong.setdefault(name, found.message)
        else:
            others.append(found.message)
    return wrong, others


def _personal_options(key: str, language: str) -> Sequence[tuple[str, str]]:
    if key == "gender":
        return [(value, words[language]) for value, words in _GENDERS.items()]
    return list(NAMES.items()) if key == "language" else ()


def _own_options(own: CustomFormField, language: str) -> Sequence[tuple[str, str]]:
    if own.type == "yes_no":
        return [("yes", _YES[language]), ("no", _NO[language])]
    words = [i18n.pick(option, language) for option in own.options]
    return [(word, word) for word in words]
