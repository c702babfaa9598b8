"""A picture behind the face, through the HTTP API: uploaded, shown, taken away."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from passes import ids
from tests.conftest import Shop


def upload(shop: Shop, role: str) -> Any:
    file = io.BytesIO()
    Image.new("RGB", (600, 400), "#5b2333").save(file, "PNG")
    return shop.client.put(
        f"/api/v1/pictures/{role}",
        data=file.getvalue(),
        headers={"Authorization": f"Bearer {shop.key}", "Content-Type": "image/png"},
    )


def photo_on_the_page(shop: Shop, card: Any) -> str | None:
    """The tag of the photo on the card's page."""
    page = shop.client.get(urlsplit(card["links"]["pwa"]).path).text
    found = re.search(r'<img class="photo"[^>]*>', page)
    return found[0] if found else None


def test_a_photo_stands_on_the_page_until_the_template_has_none(alma: Shop) -> None:
    uploaded = upload(alma, "photo")
    assert (uploaded.status_code, uploaded.json["role"]) == (201, "photo")
    look = {"photo": uploaded.json["id"], "background": "#5b2333"}
    template = alma.template("stamp", look=look)
    card = alma.card(template["id"])
    tag = photo_on_the_page(alma, card)
    assert tag is not None
    found = re.search(r'src="http://127.0.0.1:8000([^"]+)"', tag)
    assert found is not None
    picture = alma.client.get(found[1])
    assert picture.mimetype == "image/png"
    width, height = Image.open(io.BytesIO(picture.data)).size
    assert (width, height) == (832, 555)
    assert f'width="{width}" height="{height}"' in tag

    bare = {"look": {"background": "#5b2333"}}
    assert alma.call("PATCH", f"/templates/{template['id']}", bare).status_code == 200
    assert photo_on_the_page(alma, card) is None


@pytest.mark.parametrize("role", ["icon", "logo", "strip"])
def test_a_picture_of_another_role_is_no_photo(alma: Shop, role: str) -> None:
    other = upload(alma, role).json["id"]
    made = alma.template("stamp")
    problem = alma.refused("PATCH", f"/templates/{made['id']}", {"look": {"photo": other}})
    assert [wrong["field"] for wrong in problem["fields"]] == ["look.photo"]
    assert alma.get(f"/templates/{made['id']}") == made


def test_another_merchants_photo_is_not_there(alma: Shop, bruno: Shop) -> None:
    theirs = upload(alma, "photo").json["id"]
    for photo in (theirs, str(ids.new_id())):
        body = {"kind": "stamp", "name": "Karte", "look": {"photo": photo}}
        problem = bruno.refused("POST", "/templates", body)
        assert [wrong["field"] for wrong in problem["fields"]] == ["look.photo"]


def test_a_role_that_does_not_exist_is_refused_by_name(alma: Shop) -> None:
    refused = upload(alma, "menu")
    assert refused.status_code == 422
    assert [wrong["field"] for wrong in refused.json["fields"]] == ["role"]
    assert "photo" in refused.json["fields"][0]["message"]
