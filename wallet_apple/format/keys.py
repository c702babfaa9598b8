"""Every key of pass.json with the type of its value, the iOS that brought it and where it works.

Source: Apple, Wallet Passes (Pass and what belongs to it), the archived PassKit Package Format
Reference, and Pass Builder.
"""

from __future__ import annotations

from wallet_apple.format.kinds import (
    ADDRESS,
    ANYTHING,
    BOOL,
    COLOUR,
    CURRENCY,
    DATE,
    DISTANCE,
    EMAIL,
    FIELD_VALUE,
    INTEGER,
    LATITUDE,
    LONGITUDE,
    NUMBER,
    NUMBERS,
    TEXT,
    TEXTS,
    UINT16,
    UUID,
    WEB_ADDRESS,
    Key,
    ListOf,
    Shape,
    one_of,
)
from wallet_apple.format.remarks import WARNING
from wallet_apple.format.semantics import SEMANTICS

EVENT, BOARDING = ("eventTicket",), ("boardingPass",)

_DATE_STYLE = one_of(
    "PKDateStyleNone", "PKDateStyleShort", "PKDateStyleMedium", "PKDateStyleLong",
    "PKDateStyleFull",
)  # fmt: skip
FIELD: Shape = {
    "key": Key(TEXT, needed=True),
    "value": Key(FIELD_VALUE, needed=True),
    "label": Key(TEXT),
    "attributedValue": Key(FIELD_VALUE),
    "changeMessage": Key(TEXT),
    "currencyCode": Key(CURRENCY),
    "dataDetectorTypes": Key(
        ListOf(
            one_of(
                "PKDataDetectorTypePhoneNumber", "PKDataDetectorTypeLink",
                "PKDataDetectorTypeAddress", "PKDataDetectorTypeCalendarEvent",
            )
        )
    ),
    "dateStyle": Key(_DATE_STYLE),
    "timeStyle": Key(_DATE_STYLE),
    "ignoresTimeZone": Key(BOOL),
    "isRelative": Key(BOOL),
    "numberStyle": Key(
        one_of(
            "PKNumberStyleDecimal", "PKNumberStylePercent", "PKNumberStyleScientific",
            "PKNumberStyleSpellOut",
        )
    ),
    "textAlignment": Key(
        one_of(
            "PKTextAlignmentLeft", "PKTextAlignmentCenter", "PKTextAlignmentRight",
            "PKTextAlignmentNatural",
        )
    ),
    "semantics": Key(SEMANTICS, since=12),
    "row": Key(INTEGER),
}  # fmt: skip

TRANSIT_TYPES = (
    "PKTransitTypeAir", "PKTransitTypeBoat", "PKTransitTypeBus", "PKTransitTypeGeneric",
    "PKTransitTypeTrain",
)  # fmt: skip
FIELD_GROUPS = (
    "headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields",
    "additionalInfoFields", "footerFields",
)  # fmt: skip
FIELDS: Shape = {
    **{group: Key(ListOf(FIELD)) for group in FIELD_GROUPS},
    "transitType": Key(one_of(*TRANSIT_TYPES)),
}

BARCODE: Shape = {
    "format": Key(TEXT, needed=True),
    "message": Key(TEXT, needed=True),
    "messageEncoding": Key(TEXT, needed=True),
    "altText": Key(TEXT),
}
RELEVANT_DATE: Shape = {
    "date": Key(DATE),
    "startDate": Key(DATE),
    "endDate": Key(DATE),
    "relevantDate": Key(DATE),
}
LOCATION: Shape = {
    "latitude": Key(LATITUDE, needed=True),
    "longitude": Key(LONGITUDE, needed=True),
    "altitude": Key(NUMBER),
    "relevantText": Key(TEXT),
}
BEACON: Shape = {
    "proximityUUID": Key(UUID, needed=True),
    "major": Key(UINT16),
    "minor": Key(UINT16),
    "relevantText": Key(TEXT),
}
NFC: Shape = {
    "message": Key(TEXT, needed=True),
    "encryptionPublicKey": Key(TEXT, needed=True),
    "requiresAuthentication": Key(BOOL, since=13),
}

ACTION_TYPES = (
    "viewSchedule", "watchTrailer", "listenToMusic", "call", "place", "addToBalance", "order",
    "shop", "membershipBenefits", "bookAppointment", "bookCar", "bookFlight", "bookStay",
    "viewOffersRewards",
)  # fmt: skip
ACTION: Shape = {
    "identifier": Key(TEXT, needed=True),
    "type": Key(one_of(*ACTION_TYPES, level=WARNING), needed=True),
    "url": Key(ADDRESS),
}

# The guide of a poster event; the same addresses stand in entries of coming events.
_EVENT_ADDRESSES = """
accessibilityURL addOnURL bagPolicyURL contactVenueWebsite directionsInformationURL merchandiseURL
orderFoodURL parkingInformationURL purchaseParkingURL sellURL transferURL transitInformationURL
"""
_BOARDING_ADDRESSES = """
changeSeatURL entertainmentURL managementURL purchaseAdditionalBaggageURL purchaseLoungeAccessURL
purchaseWifiURL registerServiceAnimalURL reportLostBagURL requestWheelchairURL
transitProviderWebsiteURL trackBagsURL upgradeURL
"""
GUIDE: Shape = {
    **{name: Key(WEB_ADDRESS, since=18, styles=EVENT) for name in _EVENT_ADDRESSES.split()},
    "contactVenueEmail": Key(EMAIL, since=18, styles=EVENT),
    "contactVenuePhoneNumber": Key(TEXT, since=18, styles=EVENT),
}
JOURNEY: Shape = {
    **{name: Key(WEB_ADDRESS, since=26, styles=BOARDING) for name in _BOARDING_ADDRESSES.split()},
    "transitProviderEmail": Key(EMAIL, since=26, styles=BOARDING),
    "transitProviderPhoneNumber": Key(TEXT, since=26, styles=BOARDING),
}

# Apple's documentation writes URLs, URL and SHA256, its Pass Builder urls, url and sha256.
_PICTURE_ADDRESS: Shape = {
    "URL": Key(WEB_ADDRESS), "url": Key(WEB_ADDRESS),
    "SHA256": Key(TEXT), "sha256": Key(TEXT),
    "scale": Key(NUMBER), "size": Key(INTEGER),
}  # fmt: skip
_PICTURE: Shape = {
    "URLs": Key(ListOf(_PICTURE_ADDRESS)),
    "urls": Key(ListOf(_PICTURE_ADDRESS)),
    "reuseExisting": Key(BOOL),
}
COMING_EVENT: Shape = {
    "identifier": Key(TEXT, needed=True),
    "name": Key(TEXT, needed=True),
    "type": Key(one_of("event"), needed=True),
    "isActive": Key(BOOL),
    "dateInformation": Key(
        {
            "date": Key(DATE),
            "timeZone": Key(TEXT),
            **{
                name: Key(BOOL)
                for name in (
                    "ignoreTimeComponents", "isAllDay", "isUnannounced", "isUndetermined",
                )
            },
        }
    ),
    "images": Key({"headerImage": Key(_PICTURE), "venueMap": Key(_PICTURE)}),
    "URLs": Key(GUIDE),
    "urls": Key(GUIDE),
    "additionalInfoFields": Key(ListOf(FIELD)),
    "backFields": Key(ListOf(FIELD)),
    "auxiliaryStoreIdentifiers": Key(NUMBERS),
    "semantics": Key(SEMANTICS),
}  # fmt: skip

# What names the pass and its maker; a template may leave it open.
IDENTITY: Shape = {
    name: Key(TEXT, needed=True)
    for name in (
        "passTypeIdentifier", "teamIdentifier", "serialNumber", "organizationName", "description",
    )
}  # fmt: skip
STYLES: Shape = {
    "boardingPass": Key(FIELDS),
    "coupon": Key(FIELDS),
    "eventTicket": Key(FIELDS),
    "generic": Key(FIELDS),
    "storeCard": Key(FIELDS),
    "posterGeneric": Key(FIELDS, since=27),
}
_REST: Shape = {
    "formatVersion": Key(INTEGER, needed=True),
    "webServiceURL": Key(TEXT),
    "authenticationToken": Key(TEXT),
    "appLaunchURL": Key(ADDRESS),
    "associatedStoreIdentifiers": Key(NUMBERS),
    "auxiliaryStoreIdentifiers": Key(NUMBERS, since=18, styles=EVENT),
    "userInfo": Key(ANYTHING),
    "expirationDate": Key(DATE),
    "voided": Key(BOOL),
    "relevantDates": Key(ListOf(RELEVANT_DATE), since=18),
    "relevantDate": Key(DATE),
    "locations": Key(ListOf(LOCATION)),
    "maxDistance": Key(DISTANCE),
    "beacons": Key(ListOf(BEACON)),
    "backgroundColor": Key(COLOUR),
    "foregroundColor": Key(COLOUR),
    "labelColor": Key(COLOUR),
    "stripColor": Key(COLOUR),
    "footerBackgroundColor": Key(COLOUR, since=18),
    "logoText": Key(TEXT),
    "eventLogoText": Key(TEXT, since=18, styles=EVENT),
    "logoSymbolName": Key(TEXT),
    "suppressStripShine": Key(BOOL),
    "suppressHeaderDarkening": Key(BOOL, since=18),
    "useAutomaticColors": Key(BOOL, since=18),
    "groupingIdentifier": Key(TEXT, styles=BOARDING + EVENT),
    "sharingProhibited": Key(BOOL, since=11),
    "barcodes": Key(ListOf(BARCODE)),
    "barcode": Key(BARCODE),
    "nfc": Key(NFC),
    "semantics": Key(SEMANTICS, since=12),
    "preferredStyleSchemes": Key(TEXTS, since=18, styles=BOARDING + EVENT),
    "featuredActions": Key(ListOf(ACTION), since=27),
    "upcomingPassInformation": Key(ListOf(COMING_EVENT), since=26, styles=EVENT),
}
PASS: Shape = {**IDENTITY, **_REST, **STYLES, **GUIDE, **JOURNEY}
TEMPLATE: Shape = {**PASS, **{name: Key(TEXT) for name in IDENTITY}}

PERSONALIZATION: Shape = {
    "description": Key(TEXT, needed=True),
    "requiredPersonalizationFields": Key(
        ListOf(
            one_of(
                "PKPassPersonalizationFieldName", "PKPassPersonalizationFieldPostalCode",
                "PKPassPersonalizationFieldEmailAddress",
                "PKPassPersonalizationFieldPhoneNumber",
            )
        ),
        needed=True,
    ),
    "termsAndConditions": Key(TEXT),
}  # fmt: skip
