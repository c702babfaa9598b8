"""The sections around the pass, as a browser without JavaScript gets them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from passes.card_templates.kinds import Kind
from passes.wallet_port import Movement, State
from tests.pwa.by_hand import HISTORY, PAGES, RATING, SHARING, Drawn, everything, with_content
from tests.pwa.conftest import NOW, same
from tests.pwa.test_page import seen

CARD = PAGES[Kind.MULTIPASS]


def drawn(page, language="en", **more):
    return Drawn({"t": page}, more=more).app().test_client().get(f"/c/t/?lang={language}").text


def section(page, name):
    found = re.search(rf'<section [^>]*aria-labelledby="{name}".*?</section>', page, re.DOTALL)
    assert found, name
    return seen(found[0])


class Hidden(HTMLParser):
    """Ids and data attributes of elements that are hidden, by themselves or by what they are in."""

    VOID = frozenset({"meta", "link", "img", "input", "path", "br"})

    def __init__(self, page):
        super().__init__()
        self.open, self.names, self.ids = [], set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        is_hidden = "hidden" in given or any(self.open)
        if is_hidden:
            self.names |= {name for name in given if name.startswith("data-")} | {given.get("id")}
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in self.VOID:
            self.open.append(is_hidden or tag in {"template", "dialog"})

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            self.open.pop()


def test_everything_that_a_script_works_with_is_there_once_and_hidden():
    found = Hidden(drawn(everything(CARD)))
    for name in (
        "offline",
        "notify",
        "notify-yes",
        "notify-no",
        "install",
        "install-yes",
        "in-app",
        "copy-link",
        "code-open",
        "forget",
        "data-share",
        "data-copy",
        "data-dialog",
        "data-notify",
    ):
        assert name in found.names, name
    for name in ("live", "offline-since", "withdrawn", "forgotten", "code-view", "share-qr"):
        assert name in found.ids, name
    assert len(found.ids) == len(set(found.ids))


def test_the_body_says_what_a_script_must_know():
    page = drawn(CARD)
    [body] = re.findall(r"<body[^>]*>", page)
    assert 'data-version="3"' in body
    assert 'data-state="valid"' in body
    assert f'data-drawn-at="{NOW.isoformat()}"' in body
    assert f'data-push-key="{"B" * 87}"' in body
    assert CARD.content.serial not in body
    assert "data-push-key" not in drawn(CARD, push=None)


def test_each_block_about_notifications_is_there_and_none_is_shown():
    page = drawn(CARD)
    blocks = re.findall(r'<div [^>]*data-notify="([a-z-]+)"( hidden)>', page)
    assert [name for name, _ in blocks] == ["ask", "on", "denied", "install-first", "unsupported"]


def test_rewards_say_how_far_away_they_are_and_which_wait():
    page = drawn(PAGES[Kind.POINTS])
    words = section(page, "rewards")
    assert "Espresso und Kuchen Ready for you" in words
    assert "Eine Tüte Kaffeebohnen 150 points Frisch geröstet. 54 more to go" in words
    assert "304 more to go Valid until 1 Mar 2027" in words
    assert re.findall(r'<progress value="(\d+)" max="(\d+)"', page) == [
        ("96", "150"),  # on the pass
        ("96", "150"),
        ("96", "400"),
    ]


def test_a_card_without_rewards_has_no_such_section():
    assert 'aria-labelledby="rewards"' not in drawn(CARD)


def test_the_history_has_signs_and_the_newest_comes_first():
    words = section(drawn(replace(CARD, history=HISTORY)), "history")
    assert words.startswith("History Visit redeemed −1 20 Nov 2026, 17:48 Then: 7")
    assert "Points added +€2.50" in words
    assert "Visits bought +10" in words
    assert words.index("Earlier") < words.index("Card issued")
    assert "-1" not in words


@pytest.mark.parametrize(
    ("change", "shown"),
    [(0, "0"), (1_234, "+1,234"), (-1_234, "−1,234"), (same("5%"), "5%")],
)
def test_a_change_is_written_with_its_sign(change, shown):
    movement = Movement(NOW, same("Something"), change, None)
    assert f"Something {shown} 21 Nov" in section(
        drawn(replace(CARD, history=(movement,))), "history"
    )


def test_an_empty_history_says_so():
    assert "your first visit will stand here" in section(drawn(CARD), "history")


@pytest.mark.parametrize(
    ("friends", "rewarded", "said"),
    [
        (0, 0, "Nobody has come by your link yet."),
        (1, 1, "One friend has come by your link. One of them brought you a reward."),
        (3, 0, "3 friends have come by your link."),
        (3, 2, "3 friends have come by your link. 2 of them brought you a reward."),
    ],
)
def test_recommending_shows_the_link_and_who_came(friends, rewarded, said):
    sharing = replace(SHARING, friends=friends, rewarded=rewarded)
    page = drawn(replace(CARD, sharing=sharing))
    words = section(page, "sharing")
    assert said in words
    assert f'<a href="{SHARING.url}">{SHARING.url}</a>' in page
    assert f'data-share data-url="{SHARING.url}"' in page
    assert 'id="share-qr"' in page


def test_without_a_programme_nobody_is_asked_to_recommend():
    page = drawn(CARD)
    for trace in ('aria-labelledby="sharing"', "data-share", "share-qr"):
        assert trace not in page


def test_feedback_is_a_plain_form_of_five_stars_and_words():
    page = drawn(CARD)
    form = re.search(r'<form class="inside" method="post".*?</form>', page, re.DOTALL)[0]
    assert 'action="feedback?lang=en#feedback"' in form
    assert re.findall(r'type="radio" name="stars" value="(\d)" required', form) == [*"12345"]
    assert "checked" not in form
    assert 'name="comment"' in form
    assert 'maxlength="2000"' in form


def test_what_was_said_within_a_day_can_be_changed():
    page = drawn(replace(CARD, rating=RATING), thanks=True)
    assert re.findall(r'value="(\d)" required checked', page) == ["4"]
    assert ">Der Käsekuchen!</textarea>" in page
    assert "Thank you!" in section(page, "feedback-title")


def test_what_was_said_long_ago_does_not_stand_in_the_form():
    old = replace(RATING, given_at=NOW - timedelta(days=2), is_editable=False)
    page = drawn(replace(CARD, rating=old))
    assert "Käsekuchen" not in page
    assert "checked" not in page


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("stars", "Please choose one to five stars."),
        ("comment", "This is too long."),
        ("limit", "Please wait a minute and try again."),
    ],
)
def test_what_is_wrong_with_feedback_is_said_and_the_words_stay(field, said):
    given = {"stars": "2", "comment": "<b>Schade"}
    page = drawn(CARD, errors={field: "…"}, given=given)
    assert f'role="alert">{said}<' in page
    assert ">&lt;b&gt;Schade</textarea>" in page
    assert re.findall(r'value="(\d)" required checked', page) == ["2"]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_every_kind_in_every_language(kind, language):
    page = drawn(everything(PAGES[kind]), language)
    content = PAGES[kind].content
    assert content.title[language] in page
    for field in content.fields:
        assert field.label[language] in page
    assert "0Q3X K8ZD 7PMT 2VWA" in page
    assert " style=" not in page


@pytest.mark.parametrize("state", [State.VALID, State.EXPIRED])
def test_the_code_is_there_in_every_state(state):
    page = drawn(with_content(CARD, state=state))
    assert page.count('class="qr"') == 2  # on the pass, and large
