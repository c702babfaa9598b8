"""The figures as data, and the tag that saves sending them."""

from passes.wallet_port import State


def test_holds_the_figures_raw_and_nothing_of_the_back(browser):
    response = browser.get("state.json")
    assert response.json == {
        "version": 3,
        "state": "valid",
        "code": "0Q3XK8ZD7PMT2VWA",
        "expires_at": "2027-11-21T22:59:59Z",
        "updated_at": "2026-11-20T16:48:00Z",
        "fields": [
            {"key": key, "label": label, "value": value}
            for key, label, value in (
                (
                    "available_visits",
                    {
                        "de": "Verfügbare Besuche",
                        "en": "Available visits",
                        "nl": "Beschikbare bezoeken",
                    },
                    1234,
                ),
                (
                    "balance",
                    {"de": "Guthaben", "en": "Balance", "nl": "Saldo"},
                    {"minor": 1250, "currency": "EUR", "digits": 2},
                ),
                (
                    "expires_at",
                    {"de": "Gültig bis", "en": "Valid until", "nl": "Geldig tot"},
                    "2027-11-21",
                ),
                (
                    "level",
                    {"de": "Stufe", "en": "Level", "nl": "Niveau"},
                    {"de": "Gold", "en": "Gold", "nl": "Goud"},
                ),
            )
        ],
    }


def test_a_card_without_an_end_has_none(browser):
    assert browser.get("state.json", expires_at=None).json["expires_at"] is None


def test_what_the_page_has_is_not_sent_again(browser):
    first = browser.get("state.json")
    assert first.headers["ETag"] == '"s3"'
    again = browser.get("state.json", headers={"If-None-Match": '"s3"'})
    assert (again.status_code, again.data) == (304, b"")


def test_a_new_version_is_sent(browser):
    answer = browser.get("state.json", headers={"If-None-Match": '"s3"'}, version=4)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"s4"'


def test_time_alone_changes_the_tag_too(browser):
    """A card expires without a new version."""
    answer = browser.get("state.json", headers={"If-None-Match": '"s3"'}, state=State.EXPIRED)
    assert answer.status_code == 200
    assert answer.json["state"] == "expired"


def test_a_withdrawn_card_says_so_and_no_more(browser):
    answer = browser.get("state.json", state=State.VOID)
    assert answer.status_code == 410
    assert answer.content_type == "application/problem+json"
    assert (answer.json["status"], answer.json["code"]) == (410, "GONE")
    assert answer.json.keys() == {"type", "title", "status", "code", "detail"}
