"""Our own passes of all kinds give no reason for an error or a warning."""

from dataclasses import replace

import pytest

from benchmarks import sample
from passes.wallet_port import CodeFormat, ContentRefused, Look, Place
from wallet_apple.format.check import check_package


def worth_reading(body, roots):
    return [remark for remark in check_package(body, roots) if remark.level.value != "note"]


def test_all_styles_and_states(wallet, contents, roots):
    for content in contents:
        assert worth_reading(wallet.signed_pass(content), roots) == [], content.style


@pytest.mark.parametrize("form", CodeFormat)
def test_all_codes(wallet, make_content, roots, form):
    assert worth_reading(wallet.signed_pass(make_content(code_format=form)), roots) == []


def test_the_card_of_the_benchmark(wallet, account, roots):
    look, places = sample.look(), sample.locations()
    for number in range(3):
        card = sample.card(number, look, places, account)
        assert worth_reading(wallet.signed_pass(card), roots) == []


def test_what_wallet_would_refuse_does_not_leave(wallet, make_content):
    for broken in ({"serial": ""}, {"code": ""}):
        with pytest.raises(ContentRefused) as told:
            wallet.signed_pass(make_content(**broken))
        assert "empty" in str(told.value)


def test_a_broken_picture_does_not_leave(wallet, make_content, make_picture):
    logo = replace(make_picture("apple-logo@1x"), png=b"GIF89a")
    with pytest.raises(ContentRefused) as told:
        wallet.signed_pass(make_content({"apple-logo@1x": logo}))
    assert "logo.png: The file is no whole PNG" in str(told.value)


def test_a_refusal_leaves_the_other_cards_alone(wallet, make_content, make_field):
    content = make_content(fields=(make_field("fine", 1, Place.HEADER),), template="other")
    with pytest.raises(ContentRefused):
        wallet.signed_pass(replace(content, serial=""))
    assert wallet.signed_pass(content)


def test_looks_of_all_colours(wallet, make_content, roots):
    look = Look("#000000", "#FFFFFF", "#0a0B0c", {})
    assert worth_reading(wallet.signed_pass(make_content(look=look)), roots) == []
