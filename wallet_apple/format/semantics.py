"""Semantic tags: what a pass says to the system beside what it shows.

Source: Apple, Wallet Passes (SemanticTags) and Pass Builder. Where the two call a tag by different
names, both are known.
"""

from __future__ import annotations

from wallet_apple.format.kinds import (
    BOOL,
    COLOUR,
    CURRENCY,
    DATE,
    INTEGER,
    LATITUDE,
    LONGITUDE,
    NUMBER,
    TEXT,
    TEXTS,
    Key,
    ListOf,
    Shape,
    Type,
    one_of,
)
from wallet_apple.format.remarks import WARNING

EVENT_TYPES = (
    "PKEventTypeGeneric", "PKEventTypeLivePerformance", "PKEventTypeMovie", "PKEventTypeSports",
    "PKEventTypeConference", "PKEventTypeConvention", "PKEventTypeWorkshop",
    "PKEventTypeSocialGathering",
)  # fmt: skip

_AMOUNT: Shape = {"amount": Key(TEXT), "currencyCode": Key(CURRENCY)}
_PLACE: Shape = {
    "latitude": Key(LATITUDE, needed=True),
    "longitude": Key(LONGITUDE, needed=True),
    "altitude": Key(NUMBER),
    "relevantText": Key(TEXT),
}
_NAME: Shape = {
    name: Key(TEXT)
    for name in (
        "givenName", "familyName", "middleName", "namePrefix", "nameSuffix", "nickname",
        "phoneticRepresentation",
    )
}  # fmt: skip
_SEAT: Shape = {
    **{
        f"seat{name}": Key(TEXT)
        for name in (
            "Description", "Identifier", "Number", "Row", "Section", "Aisle", "Level", "Type",
        )
    },
    "seatSectionColor": Key(COLOUR),
}  # fmt: skip
_DATE_INFO: Shape = {
    "date": Key(TEXT),
    "timeZone": Key(TEXT),
    "ignoreTimeComponents": Key(BOOL),
    "unannounced": Key(BOOL),
    "undetermined": Key(BOOL),
}
_WIFI: Shape = {"ssid": Key(TEXT, needed=True), "password": Key(TEXT, needed=True)}
_AIRPLAY: Shape = {"airplayDeviceGroupToken": Key(TEXT)}

_TEXTS = """
additionalTicketAttributes admissionLevel admissionLevelAbbreviation airlineCode
airlineLoungePlaceID attendeeName awayTeamAbbreviation awayTeamLocation awayTeamName boardingGroup
boardingSequenceNumber boardingZone carNumber confirmationNumber departureAirportCode
departureAirportName departureAirportTimeZone departureCityName departureGate
departureLocationDescription departureLocationTimeZone departurePlatform departureStationName
departureTerminal destinationAirportCode destinationAirportName destinationAirportTimeZone
destinationCityName destinationGate destinationLocationDescription destinationLocationTimeZone
destinationPlatform destinationStationName destinationTerminal entranceDescription
eventLiveMessage eventName flightCode genre homeTeamAbbreviation homeTeamLocation homeTeamName
internationalDocumentsVerifiedDeclarationName leagueAbbreviation leagueName membershipProgramName
membershipProgramNumber membershipProgramStatus priorityStatus securityScreening sportName
ticketFareClass transitProvider transitStatus transitStatusReason vehicleName vehicleNumber
vehicleType venueEntrance venueEntranceDoor venueEntranceGate venueEntrancePortal venueName
venuePhoneNumber venuePlaceID venueRegionName venueRoom
"""
_DATES = """
currentArrivalDate currentBoardingDate currentDepartureDate eventEndDate eventStartDate
originalArrivalDate originalBoardingDate originalDepartureDate venueBoxOfficeOpenDate
venueCloseDate venueDoorsOpenDate venueFanZoneOpenDate venueGatesOpenDate venueOpenDate
venueParkingLotsOpenDate
"""
_LISTS = """
albumIDs artistIDs departureAirportSecurityPrograms departureLocationSecurityPrograms
destinationAirportSecurityPrograms destinationLocationSecurityPrograms loungePlaceIDs
passengerAirlineSSRs passengerCapabilities passengerEligibleSecurityPrograms
passengerInformationSSRs passengerServiceSSRs performerNames playlistIDs
"""
_FLAGS = "internationalDocumentsAreVerified silenceRequested tailgatingAllowed"
_PLACES = "departureLocation destinationLocation venueLocation"


def _all(names: str, kind: Type) -> dict[str, Key]:
    return {name: Key(kind) for name in names.split()}


SEMANTICS: Shape = {
    **_all(_TEXTS, TEXT),
    **_all(_DATES, DATE),
    **_all(_LISTS, TEXTS),
    **_all(_FLAGS, BOOL),
    **_all(_PLACES, _PLACE),
    "airplay": Key(ListOf(_AIRPLAY)),
    "balance": Key(_AMOUNT),
    "duration": Key(NUMBER),
    "eventStartDateInfo": Key(_DATE_INFO),
    "eventType": Key(one_of(*EVENT_TYPES, level=WARNING)),
    "flightNumber": Key(INTEGER),
    "passengerName": Key(_NAME),
    "seats": Key(ListOf(_SEAT)),
    "totalPrice": Key(_AMOUNT),
    "wifiAccess": Key(ListOf(_WIFI)),
}
