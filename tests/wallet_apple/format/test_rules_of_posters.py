"""What a poster event and a semantic boarding pass need, beyond the classic look."""

import pytest

P256 = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGH"
    "sqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
)
EVENT = {
    "storeCard": "GONE",
    "eventTicket": {"primaryFields": [{"key": "event", "value": "Jazz"}]},
    "preferredStyleSchemes": ["posterEventTicket", "eventTicket"],
    "nfc": {"message": "x", "encryptionPublicKey": P256, "requiresAuthentication": False},
    "semantics": {
        "eventType": "PKEventTypeLivePerformance",
        "eventName": "Jazz",
        "venueName": "Quasimodo",
        "performerNames": ["Ada"],
        "eventStartDate": "2027-01-31T20:00:00+01:00",
        "eventEndDate": "2027-01-31T23:00:00+01:00",
        "seats": [{"seatNumber": "3", "seatSectionColor": "rgb(1, 2, 3)"}],
    },
    "sellURL": "https://a.example/sell",
    "contactVenueEmail": "venue@a.example",
    "upcomingPassInformation": [
        {
            "identifier": "1", "name": "Blues", "type": "event", "isActive": True,
            "dateInformation": {"date": "2027-02-01T20:00:00Z", "isAllDay": False},
            "images": {"headerImage": {"URLs": [
                {"URL": "https://a.example/a.png", "SHA256": "00", "scale": 2, "size": 2097152}
            ]}},
            "URLs": {"sellURL": "https://a.example"},
            "backFields": [{"key": "x", "value": "y"}],
        }
    ],
}  # fmt: skip
FLIGHT = {
    "storeCard": "GONE",
    "boardingPass": {"transitType": "PKTransitTypeAir"},
    "preferredStyleSchemes": ["semanticBoardingPass", "boardingPass"],
    "semantics": {
        "airlineCode": "EX",
        "flightNumber": 815,
        "originalDepartureDate": "2027-01-31T20:00:00+01:00",
        "originalBoardingDate": "2027-01-31T19:30:00+01:00",
        "originalArrivalDate": "2027-01-31T22:00:00+01:00",
        "departureAirportTimeZone": "Europe/Berlin",
        "departureAirportCode": "BER",
        "departureCityName": "Berlin",
        "destinationAirportCode": "AMS",
        "destinationCityName": "Amsterdam",
        "destinationAirportTimeZone": "Europe/Amsterdam",
        "passengerName": {"givenName": "Ada", "familyName": "Lovelace"},
        "seats": [{"seatNumber": "3A"}],
    },
    "changeSeatURL": "https://a.example/seat",
}
COMING = "upcomingPassInformation[0]"
PICTURE = f"{COMING}.images.headerImage.URLs[0]"

OF_EVENT = [
    ("error", {"semantics.eventName": "GONE"}, "semantics.eventName", "needs eventName"),
    ("error", {"semantics.venueName": ""}, "semantics.venueName", "needs venueName"),
    ("error", {"semantics.performerNames": []}, "semantics.performerNames", "performerNames"),
    ("error", {"nfc": "GONE"}, "nfc", "needs nfc"),
    ("error", {"nfc.requiresAuthentication": "GONE"}, "nfc.requiresAuthentication", "this key"),
    ("error", {f"{COMING}.name": "GONE"}, f"{COMING}.name", "is missing"),
    ("error", {f"{COMING}.type": "party"}, f"{COMING}.type", "must be event"),
    ("error", {f"{PICTURE}.URL": "http://a.example"}, f"{PICTURE}.URL", "begins https://"),
    ("error", {f"{PICTURE}.SHA256": "GONE"}, f"{PICTURE}.SHA256", "SHA-256"),
    ("error", {f"{PICTURE}.size": 2097153}, f"{PICTURE}.size", "2 MB"),
    ("error", {"semantics.eventStartDate": "soon"}, "semantics.eventStartDate", "date with time"),
    ("warning", {"semantics.eventStartDate": "GONE"}, "semantics.eventStartDate", "should have"),
    ("warning", {"semantics.seats": "GONE"}, "semantics.seats", "should have"),
    ("warning", {"semantics.eventEndDate": "2027-01-31T20:00:00+02:00"}, "semantics.eventEndDate",
     "before it begins"),
    ("warning", {"semantics.eventType": "PKEventTypeParty"}, "semantics.eventType", "Workshop"),
    ("warning", {"preferredStyleSchemes": ["posterEventTicket"]}, "preferredStyleSchemes",
     "as the last one"),
    ("warning", {"sellURL": "tickets"}, "sellURL", "web address"),
    ("warning", {"contactVenueEmail": "venue"}, "contactVenueEmail", "e-mail"),
    ("warning", {"featuredActions": [{"identifier": "1", "type": "shop"}]}, "featuredActions",
     "show no actions"),
]  # fmt: skip
OF_FLIGHT = [
    *[
        ("error", {f"semantics.{name}": "GONE"}, f"semantics.{name}", f"needs {name}")
        for name in (
            "airlineCode", "flightNumber", "originalDepartureDate", "originalBoardingDate",
            "originalArrivalDate", "departureAirportTimeZone", "departureAirportCode",
            "destinationAirportCode", "passengerName",
        )
    ],
    *[
        ("warning", {f"semantics.{name}": "GONE"}, f"semantics.{name}", f"should have {name}")
        for name in (
            "departureCityName", "destinationCityName", "destinationAirportTimeZone", "seats",
        )
    ],
    ("warning", {"preferredStyleSchemes": ["semanticBoardingPass", "boardingPass", "x"]},
     "preferredStyleSchemes[2]", "must be semanticBoardingPass or boardingPass"),
]  # fmt: skip


@pytest.fixture(scope="session")
def artwork(make_picture):
    return {"artwork.png": make_picture("artwork", 358, 448).png}


@pytest.fixture
def broken(remarks_on, gone, artwork):
    def check(whole, changes, files=artwork):
        found = remarks_on(gone({**whole, **changes}), files)
        return [remark for remark in found if remark[0] != "note"]

    return check


@pytest.mark.parametrize(
    ("whole", "row"),
    [(EVENT, row) for row in OF_EVENT] + [(FLIGHT, row) for row in OF_FLIGHT],
    ids=[f"{row[0]} {row[2]} {row[3]}" for row in OF_EVENT + OF_FLIGHT],
)
def test_one_thing_broken(broken, artwork, whole, row):
    level, changes, where, words = row
    found = broken(whole, changes, artwork if whole is EVENT else {})
    assert [remark[:2] for remark in found] == [(level, where)]
    assert words in found[0][2]


def test_whole_ones_are_fine(broken):
    assert broken(EVENT, {}) == []
    assert broken(FLIGHT, {}, {}) == []


def test_a_poster_needs_a_picture(broken):
    assert [remark[:2] for remark in broken(EVENT, {}, {})] == [("error", "artwork.png")]


def test_a_game_has_two_teams(broken):
    found = broken(EVENT, {"semantics.eventType": "PKEventTypeSports"})
    assert [remark[1] for remark in found] == [
        "semantics.homeTeamAbbreviation", "semantics.awayTeamAbbreviation",
    ]  # fmt: skip


def test_both_names_of_a_time_zone_are_known(broken):
    names = {
        "semantics.departureAirportTimeZone": "GONE",
        "semantics.departureLocationTimeZone": "Europe/Berlin",
    }
    assert broken(FLIGHT, names, {}) == []


def test_coming_events_are_for_posters_only(broken):
    found = broken(EVENT, {"preferredStyleSchemes": ["eventTicket"]})
    assert [remark[:2] for remark in found] == [("warning", "upcomingPassInformation")]
