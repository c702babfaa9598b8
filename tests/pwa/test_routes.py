"""The addresses beneath a card's page: who gets what, for how long, and what changes nothing."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from passes.wallet_port import Look, NotAllowed, State
from pwa import worker
from tests.pwa.conftest import CONTENT, TOKEN, pictures
from tests.pwa.noting import OwnPage

READ = ["", "manifest.webmanifest", "sw.js", "theme.css", "state.json", "events"]
MACHINES = [
    "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "WhatsApp/2.23.20.0 A",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks BingPreview/1.0b",
]


@pytest.fixture
def page(tmp_path: Path) -> OwnPage:
    return OwnPage(tmp_path)


def card_in(script: str):
    """The line above the worker's script that says which card it belongs to."""
    return json.loads(re.match(r"self\.CARD = (\{.*\});\n", script).group(1))


@pytest.mark.parametrize("path", READ)
def test_an_unknown_card_is_nowhere(page, path):
    assert page.send(path, method="GET", token="A" * 22).status_code == 404


@pytest.mark.parametrize("path", READ)
def test_a_withdrawn_card_is_gone_everywhere(page, path):
    page.becomes(state=State.VOID)
    answer = page.send(path, method="GET")
    assert answer.status_code == 410
    for secret in (CONTENT.code, CONTENT.holder, TOKEN):
        assert secret not in answer.text


@pytest.mark.parametrize("agent", MACHINES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_T_IN_previews_and_scanners_change_nothing(page, agent, method):
    for path in READ[:-1]:
        answer = page.send(path, method=method, headers={"User-Agent": agent})
        assert answer.status_code == 200
    assert page.notes == []


@pytest.mark.parametrize("path", ["", "manifest.webmanifest", "sw.js", "state.json", "theme.css"])
def test_what_changes_is_asked_for_each_time(page, path):
    answer = page.send(path, method="GET")
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_the_page_names_its_stylesheet_and_scripts_with_their_fingerprints(page):
    html = page.send("", method="GET").text
    [theme] = re.findall(r'href="(theme\.css[^"]*)"', html)
    answer = page.send(theme, method="GET")
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    page.becomes(look=Look("#ff0000", "#ffffff", "#ffffff", {}))
    assert page.send(theme, method="GET").headers["Cache-Control"] == "private, no-cache"
    [other] = re.findall(r'href="(theme\.css[^"]*)"', page.send("", method="GET").text)
    assert other != theme
    scripts = re.findall(r'<script src="([^"]+)" defer></script>', html)
    assert [urlsplit(script).path for script in scripts] == [
        "/static/pwa/card.js",
        "/static/pwa/buttons.js",
    ]
    assert all("v" in parse_qs(urlsplit(script).query) for script in scripts)


def test_the_page_lets_its_own_form_say_where_it_comes_from(page):
    """With no-referrer a browser sends "Origin: null" (spec: web.md 5)."""
    assert page.send("", method="GET").headers["Referrer-Policy"] == "same-origin"
    assert page.send("sw.js", method="GET").headers["Referrer-Policy"] == "no-referrer"


def test_the_page_tells_scripts_which_key_to_subscribe_with(certificates):
    page = OwnPage(certificates.parent)
    html = page.send("", method="GET").text
    key_id, public_key = page.wallet.public_key(None)
    assert f'data-push-key="{public_key}" data-push-key-id="{key_id}"' in html
    assert (len(public_key), len(key_id)) == (87, 12)


def test_the_worker_belongs_to_one_card(page):
    page.becomes(merchant='Café "Kranz" \u2028</script>', look=CONTENT.look)
    answer = page.send("sw.js", method="GET")
    assert answer.mimetype == "text/javascript"
    key_id, public_key = page.wallet.public_key(None)
    assert card_in(answer.text) == {
        "base": f"/c/{TOKEN}/",
        "version": worker.version(),
        "title": 'Café "Kranz" \u2028</script>',
        "body": "Treuekarte",
        "lang": "de",
        "icon": None,
        "pushKey": public_key,
        "pushKeyId": key_id,
    }
    assert answer.text.isascii()
    script = (Path(worker.__file__).parent / "static/sw.js").read_text()
    assert answer.text.endswith(script)


def test_the_workers_notifications_wear_the_cards_icon(page):
    page.becomes(look=Look("#0f3d3e", "#ffffff", "#ffffff", pictures("pwa-any-192")))
    shown = card_in(page.send("sw.js", method="GET").text)
    assert shown["icon"] == page.issuer.card.look.pictures["pwa-any-192"].url


# --- feedback -----------------------------------------------------------------------------------


def test_feedback_leads_back_to_the_page(page):
    form = {"stars": "4", "comment": "Guter Kuchen"}
    answer = page.send("feedback?lang=nl", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/c/{TOKEN}/?lang=nl&thanks=1"
    assert page.notes == [("rated", "pwa", 4, "Guter Kuchen")]
    thanked = page.client.get(answer.headers["Location"])
    assert 'class="alert ok"' in thanked.text
    assert 'class="alert ok"' not in page.send("", method="GET").text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"stars": ""},
        {"stars": "0"},
        {"stars": "6"},
        {"stars": "12"},
        {"stars": "4.5"},
        {"stars": "٤"},
        {"stars": "5", "comment": "x" * 2001},
    ],
)
def test_feedback_with_errors_comes_back_with_what_was_typed(page, form):
    answer = page.send("feedback", data={"comment": "Wort für Wort", **form})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert form.get("comment", "Wort für Wort") in answer.text
    assert page.notes == []


def test_feedback_that_the_domain_refuses_comes_back_too(page):
    page.issuer.refusal = NotAllowed("comment", "too long")
    assert page.send("feedback", data={"stars": "3"}).status_code == 422


def test_feedback_from_another_sites_page_is_refused(page):
    answer = page.send("feedback", data={"stars": "1"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert page.notes == []


def test_feedback_beyond_thirty_a_minute_waits_and_loses_no_word(page):
    for _ in range(30):
        assert page.send("feedback", data={"stars": "3"}).status_code == 303
    answer = page.send("feedback", data={"stars": "3", "comment": "Noch ein Wort"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Noch ein Wort" in answer.text
    assert len(page.notes) == 30


def test_feedback_for_no_card_is_refused(page):
    assert page.send("feedback", data={"stars": "3"}, token="A" * 22).status_code == 404
    page.becomes(state=State.VOID)
    assert page.send("feedback", data={"stars": "3"}).status_code == 410
    assert page.notes == []


def test_the_address_of_the_form_leads_to_the_page(page):
    answer = page.send("feedback?lang=en", method="GET")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/c/{TOKEN}/?lang=en")
    assert page.notes == []


# --- events -------------------------------------------------------------------------------------


def test_a_server_without_threads_to_spare_gives_no_stream(page):
    answer = page.send("events", method="GET")
    assert (answer.status_code, answer.json["code"]) == (503, "NO_ROOM")
    assert answer.headers["Retry-After"] == "60"


def test_a_stream_begins_with_the_version_that_the_card_has(page):
    page.becomes(version=7)
    answer = page.send("events", method="GET", environ_overrides={"wsgi.multithread": True})
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "private, no-store"
    first = next(answer.iter_encoded())
    assert first == b'retry: 2000\n\nevent: changed\ndata: {"version": 7}\n\n'
    answer.close()


def test_whoever_serves_can_end_the_streams(page):
    answer = page.send("events", method="GET", environ_overrides={"wsgi.multithread": True})
    for stop in page.app.extensions["on_stop"]:
        stop()
    assert b"".join(answer.iter_encoded()).count(b"event:") == 1
    more = page.send("events", method="GET", environ_overrides={"wsgi.multithread": True})
    assert more.status_code == 503
