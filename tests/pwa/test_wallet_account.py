"""A merchant's own key pair for pushes, entered through the API."""

import pytest

CONTACT = {"subject": "mailto:inhaber@cafe-kranz.de"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_contact_makes_a_pair_whose_secret_never_comes_back(alma, bruno):
    entered = alma.call("PUT", "/wallets/pwa", CONTACT).json
    again = alma.call("PUT", "/wallets/pwa", CONTACT).json
    [first] = entered["accounts"]
    assert again["accounts"][1] == first
    newest = again["accounts"][0]
    assert newest["name"] == newest["key_id"] != first["key_id"]
    assert newest["subject"] == CONTACT["subject"]
    assert len(newest["public_key"]) == 87
    assert set(newest) == {
        "id", "name", "expires_at", "subject", "key_id", "public_key", "made_at",
    }  # fmt: skip
    assert again["findings"] == []
    [theirs] = [
        each for each in bruno.call("GET", "/wallets").json["items"] if each["kind"] == "pwa"
    ]
    assert theirs["accounts"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_contact_that_nobody_can_write_to_is_named_and_not_kept(alma):
    problem = alma.refused("PUT", "/wallets/pwa", {"subject": "mailto:inhaber@localhost"})
    assert [each["field"] for each in problem["fields"]] == ["subject"]
    [shown] = [each for each in alma.call("GET", "/wallets").json["items"] if each["kind"] == "pwa"]
    assert shown["accounts"] == []
