"""Google's own libraries drive the Google of our tests, and sign as we do: both are faithful."""

import jwt
import pytest
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.fakes.google import ISSUER_ID, FakeGoogle
from tests.wallet_google.conftest import ANDROID, SITE, content
from wallet_google.objects import class_body, object_body
from wallet_google.transport import SCOPE

OBJECT_ID = f"{ISSUER_ID}.123456789012"
CLASS_ID = f"{ISSUER_ID}.{content().template}"
MESSAGE = {"message": {"id": "m-1", "header": "News", "body": "Open on Sunday"}}


@pytest.fixture
def theirs(google):
    return Credentials.from_service_account_info(google.service_account(), scopes=[SCOPE])


@pytest.fixture
def service(google, theirs):
    options = {"api_endpoint": google.address}
    with build(
        "walletobjects", "v1", credentials=theirs, client_options=options, static_discovery=True
    ) as service:
        yield service


@pytest.fixture
def bodies():
    return class_body(content(), ISSUER_ID, SITE), object_body(content(), ISSUER_ID, SITE)


def test_google_auth_drives_the_fake(google: FakeGoogle, theirs, bodies):
    of_class, of_object = bodies
    with AuthorizedSession(theirs) as session:

        def send(method: str, path: str, body: dict | None = None):
            answer = session.request(method, f"{google.api_base}/{path}", json=body)
            return answer.status_code, answer.json()

        assert send("PATCH", f"loyaltyObject/{OBJECT_ID}", of_object)[0] == 404
        assert send("POST", "loyaltyObject", of_object)[0] == 404  # its class is missing
        assert send("POST", "loyaltyClass", of_class)[0] == 200
        assert send("POST", "loyaltyObject", of_object)[0] == 200
        assert send("POST", "loyaltyObject", of_object)[0] == 409
        google.revoke_tokens()
        status, patched = send("PATCH", f"loyaltyObject/{OBJECT_ID}", {"accountName": "Berta"})
        assert (status, patched["accountName"]) == (200, "Berta")
        assert len(google.token_requests) == 2  # recovered from one 401
        status, told = send("POST", f"loyaltyObject/{OBJECT_ID}/addMessage", MESSAGE)
        assert (status, told["resource"]["messages"][0]["id"]) == (200, "m-1")


def test_google_api_python_client_drives_the_fake(google: FakeGoogle, service, bodies):
    of_class, of_object = bodies
    classes, objects = service.loyaltyclass(), service.loyaltyobject()

    def refused(request) -> tuple[int, str]:
        with pytest.raises(HttpError) as error:
            request.execute()
        return error.value.status_code, error.value.reason

    unknown = objects.patch(resourceId=OBJECT_ID, body=of_object)
    assert refused(unknown) == (404, f"Wallet Object {OBJECT_ID} not found.")
    assert refused(objects.insert(body=of_object))[0] == 404
    assert classes.insert(body=of_class).execute()["reviewStatus"] == "approved"
    assert objects.insert(body=of_object).execute()["state"] == "active"
    assert refused(objects.insert(body=of_object))[0] == 409
    google.revoke_tokens()
    patched = objects.patch(resourceId=OBJECT_ID, body={"accountName": "Berta"}).execute()
    assert patched["accountName"] == "Berta"
    assert len(google.token_requests) == 2  # recovered from one 401
    told = objects.addmessage(resourceId=OBJECT_ID, body=MESSAGE).execute()
    assert told["resource"]["messages"][0]["id"] == "m-1"
    assert objects.get(resourceId=OBJECT_ID).execute()["classReference"]["id"] == CLASS_ID
    replaced = objects.update(resourceId=OBJECT_ID, body=of_object).execute()
    assert "messages" not in replaced


def test_google_api_python_client_reads_the_fakes_pages(google: FakeGoogle, service, bodies):
    of_class, of_object = bodies
    service.loyaltyclass().insert(body=of_class).execute()
    objects = service.loyaltyobject()
    for number in range(3):
        objects.insert(body=of_object | {"id": f"{ISSUER_ID}.{number}"}).execute()
    google.save(f"{ISSUER_ID}.2")

    first = objects.list(classId=CLASS_ID, maxResults=2).execute()
    assert first["pagination"]["resultsPerPage"] == 2
    token = first["pagination"]["nextPageToken"]
    second = objects.list(classId=CLASS_ID, maxResults=2, token=token).execute()
    assert "nextPageToken" not in second["pagination"]
    found = {each["id"]: each["hasUsers"] for each in first["resources"] + second["resources"]}
    assert found == {f"{ISSUER_ID}.{number}": number == 2 for number in range(3)}


def test_google_api_python_clients_batch_is_answered_as_ours_is(google, service, bodies):
    of_class, of_object = bodies
    service.loyaltyclass().insert(body=of_class).execute()
    objects, found = service.loyaltyobject(), {}

    def note(name: str, answer: dict | None, error: HttpError | None) -> None:
        found[name] = answer["id"] if answer else error.status_code

    theirs = service.new_batch_http_request(callback=note)
    theirs._batch_uri = f"{google.address}/batch"  # it knows no other way
    for number in range(3):
        insert = objects.insert(body=of_object | {"id": f"{ISSUER_ID}.{number}"})
        theirs.add(insert, request_id=str(number))
    unknown = objects.patch(resourceId=f"{ISSUER_ID}.9", body={"accountName": "Berta"})
    theirs.add(unknown, request_id="9")
    theirs.execute()
    assert found == {**{str(each): f"{ISSUER_ID}.{each}" for each in range(3)}, "9": 404}
    [batch] = google.batches
    assert batch.size == 4
    assert batch.headers["content-type"].startswith("multipart/mixed; boundary=")


def test_google_api_python_client_has_its_token_judged(google: FakeGoogle, service):
    body = {"jwtResource": {"jwt": "a.b.c"}}
    with pytest.raises(HttpError) as error:
        service.jwt().validate(body=body).execute()
    assert (error.value.status_code, error.value.reason) == (400, "Invalid JWT.")


def test_our_assertion_is_google_auths(google: FakeGoogle, theirs, wallet, account):
    wallet.offer(content(account=account), ANDROID)
    theirs.refresh(Request())
    mine, oracle = google.token_requests
    assert set(mine) == set(oracle) == {"grant_type", "assertion"}
    assert mine["grant_type"] == oracle["grant_type"]
    headers, claims = zip(*(read(each["assertion"][0]) for each in (mine, oracle)), strict=True)
    assert headers[0] == headers[1]
    for each in claims:
        assert each.pop("exp") - each.pop("iat") == 3600
    assert claims[0] == claims[1]


def read(token: str) -> tuple[dict, dict]:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.get_unverified_header(token), claims
