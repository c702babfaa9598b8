"""The guide to the kinds of card is true: its calls are made, its defaults are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from passes.card_templates.earning import ReferralRules
from passes.card_templates.kinds import Kind
from passes.card_templates.rules import RULES
from tests.conftest import Shop

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs/card-kinds.md").read_text()
SECTIONS = dict(re.findall(r"^## [^\n]+ · `(\w+)`\n(.*?)(?=^## )", GUIDE, re.M | re.S))
UNDO = "undo of the last posting"


def rows(kind: Kind, head: str) -> Iterator[Sequence[str]]:
    """The cells of the table of a kind's section that begins with ``head``."""
    table = SECTIONS[kind.value].split(f"| {head} |", 1)[1].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_the_guide_names_every_rule_with_its_default(kind: Kind) -> None:
    told = {spans(name)[0]: default for name, default, *_ in rows(kind, "rule")}
    defaults = RULES[kind]().model_dump(mode="json")
    assert set(told) == set(defaults)
    for name, default in told.items():
        if default == "`{…}`":
            assert defaults[name]["kind"] == "unlimited"
        elif spans(default) and name != "plans":
            shown, true = json.loads(spans(default)[0]), defaults[name]
            if isinstance(shown, dict):
                true = {part: true[part] for part in shown}
            assert shown == true, name


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_the_guides_calls_do_what_it_says(alma: Shop, kind: Kind) -> None:
    template: Any = None
    card: Any = None
    entry: Any = None
    made = 0
    for call, body, *after in rows(kind, "call"):
        given = json.loads(spans(body)[0]) if spans(body) else {}
        answers = spans(after[0])
        if call == "`POST /templates`":
            template = alma.template(kind.value, **given)
            continue
        if call == "`POST /cards`":
            card = alma.card(template["id"], **given)
            answer = card
        elif call == UNDO:
            answer = alma.post(f"/transactions/{entry['id']}/undo")
        elif "refused:" in after[0]:
            refused = alma.refused("POST", f"/cards/{card['id']}/{spans(call)[0]}", given)
            assert refused["code"] == answers[0]
            made += 1
            continue
        else:
            answer = alma.post(f"/cards/{card['id']}/{spans(call)[0]}", given)
            entry = answer["entry"]
        told = json.loads(answers[0])
        assert told == {name: answer["figures"][name] for name in told}, (call, given)
        if "`entry.details`" in after[0]:
            told = json.loads(answers[2])
            assert told == {name: answer["entry"]["details"][name] for name in told}
        made += 1
    assert made >= 3


def test_the_guide_names_every_setting_of_the_referral_programme() -> None:
    table = GUIDE.split("| setting | without it | says |")[1].split("\n\n")[0]
    told: dict[str, Any] = {}
    for line in table.splitlines()[2:]:
        names, defaults, _ = line.strip("|").split("|", 2)
        told |= zip(spans(names), map(json.loads, spans(defaults)), strict=True)
    defaults = ReferralRules().model_dump(mode="json")
    assert told == {name: defaults[name] for name in told}
    assert set(defaults) - set(told) == {"enabled", "min_amount"}


def test_every_code_in_the_guide_is_one_of_ours() -> None:
    sources = "".join(file.read_text() for file in (ROOT / "passes").rglob("*.py"))
    codes = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", GUIDE))
    assert len(codes) > 30
    assert {code for code in codes if f'"{code}"' not in sources} == {"POST", "GET"} & codes
