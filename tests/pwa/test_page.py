"""The card page, as a browser without JavaScript gets it."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from passes.wallet_port import Field, Place, State, Style
from pwa.codes import code_svg
from tests.pwa.conftest import CONTENT, TOKEN, pictures, same, stamps


def seen(page: str) -> str:
    """What a person reads: the text without tags, blanks in one."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def status(page: str) -> str:
    """The line below the pass."""
    [line] = re.findall(r'<p class="state">.*?</p>', page, re.DOTALL)
    return line


def test_shows_whose_card_it_is_and_its_figures(browser):
    page = seen(browser.page())
    for words in ("Café Kranz", "Treuekarte", "Verfügbare Besuche 1.234", "Guthaben 12,50", "Gold"):
        assert words in page


@pytest.mark.parametrize(
    ("language", "figures"),
    [
        ("de", ["1.234", "12,50\u00a0€", "21.11.2027", "Gold"]),
        ("en", ["1,234", "€12.50", "21 Nov 2027", "Gold"]),
        ("nl", ["1.234", "€\u00a012,50", "21-11-2027", "Goud"]),
    ],
)
def test_figures_are_written_as_the_language_writes_them(browser, language, figures):
    page = browser.page(f"?lang={language}")
    assert f'<html lang="{language}">' in page
    for figure in figures:
        assert figure in page


def test_speaks_the_language_of_the_card_whatever_the_browser_prefers(browser):
    page = browser.get(headers={"Accept-Language": "en"}).text
    assert '<html lang="de">' in page
    assert "Treuekarte" in page


def test_a_language_that_nobody_speaks_is_ignored(browser):
    assert '<html lang="de">' in browser.page("?lang=tlh")


def test_offers_every_language_and_keeps_the_rest_of_the_address(browser):
    page = browser.page("?src=hs")
    for language in ("de", "en", "nl"):
        assert f'href="?src=hs&amp;lang={language}"' in page


def test_the_code_stands_below_in_groups_of_four(browser):
    assert "0Q3X K8ZD 7PMT 2VWA" in seen(browser.page())


def test_the_code_can_be_read_and_has_its_quiet_zone():
    svg = code_svg(CONTENT.code)
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg).group(1))
    assert side == 21 + 2 * 4  # version 1, the coarsest, and four modules on each side
    assert 'fill="#fff"' in svg
    assert 'stroke="#000"' in svg
    assert zxingcpp.read_barcode(drawn(svg, side)).text == CONTENT.code


def drawn(svg: str, side: int, scale: int = 8) -> Image.Image:
    """The picture that the SVG's path of moves (M, m) and lines (h) describes."""
    picture = Image.new("L", (side * scale, side * scale), 255)
    pen = ImageDraw.Draw(picture)
    x = y = 0.0
    path = re.search(r'stroke="#000" d="([^"]+)"', svg).group(1)
    for command, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: ?(-?[\d.]+))?", path):
        if command == "M":
            x, y = float(first), float(second)
        elif command == "m":
            x, y = x + float(first), y + float(second)
        else:
            length = float(first)
            box = (x * scale, (y - 0.5) * scale, (x + length) * scale - 1, (y + 0.5) * scale - 1)
            pen.rectangle(box, fill=0)
            x += length
    return picture


def test_a_stamp_card_is_drawn_as_stamps(browser):
    page = browser.page(fields=stamps(7, 3))
    assert page.count('class="there') == 7
    assert page.count("<i class=") == 10
    assert 'aria-label="7 ' in page


@pytest.mark.parametrize("fields", [stamps(40, 60), stamps(0, 0), stamps(3, 2)[:1]])
def test_stamps_that_cannot_be_drawn_are_a_figure(browser, fields):
    page = browser.page(fields=fields)
    assert "<i class=" not in page
    assert f"Stempel {fields[0].value}" in seen(page)


def test_a_valid_card_says_until_when(browser):
    assert "21.11.2027" in seen(browser.page(fields=()))


@pytest.mark.parametrize("style", [Style.COUPON, Style.MEMBERSHIP])
def test_whether_a_coupon_or_a_membership_is_good_its_own_field_says(browser, style):
    """A used coupon is no expired card, and still nothing that is valid."""
    assert 'class="pill' in status(browser.page())
    assert 'class="pill' not in status(browser.page(style=style))
    assert 'class="pill warn"' in status(browser.page(style=style, state=State.EXPIRED))


def test_an_expired_card_says_since_when_and_keeps_its_code(browser):
    page = browser.page(
        state=State.EXPIRED, expires_at=datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC), fields=()
    )
    assert "31.10.2026" in seen(page)
    assert 'class="pass card ended"' in page
    assert "Abgelaufen" in status(page)
    assert "0Q3X K8ZD 7PMT 2VWA" in page


def test_a_blocked_card_does_not_pretend_to_have_expired(browser):
    """Its date lies ahead; the port tells both apart no further than "not valid now"."""
    page = browser.page(state=State.EXPIRED, fields=())
    assert "21.11.2027" not in seen(page)
    assert "Diese Karte ist gesperrt." in status(page)


def test_a_withdrawn_card_is_gone_and_shows_nothing_of_itself(browser):
    response = browser.get(state=State.VOID)
    assert response.status_code == 410
    assert "Café Kranz" in response.text
    for secret in ("0Q3X", "Anna", "1.234", "<svg"):
        assert secret not in response.text


def test_an_unknown_address_is_not_found(browser):
    assert browser.open("/c/another-token/").status_code == 404
    assert browser.open("/c/another-token/theme.css").status_code == 404
    assert browser.open("/c/another-token/state.json").status_code == 404
    assert browser.open("/c/another-token/manifest.webmanifest").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_card_page_only_shows(browser, method):
    assert browser.open(f"/c/{TOKEN}/", method).status_code == 405


def test_the_back_unfolds_and_its_links_are_links(browser):
    page = browser.page()
    assert re.search(r"<summary>Bedingungen</summary>\s*<p [^>]*>Gilt im Café\.\nNicht bar\.", page)
    assert '<a href="tel:030123"' in page


def test_what_people_wrote_stays_text(browser):
    attack = '"><script>alert(1)</script>'
    page = browser.page(
        merchant=attack,
        holder=attack,
        title=same(attack),
        fields=(
            Field("a", same(attack), same(attack), Place.PRIMARY),
            Field("b", same(attack), same(f"{attack}\n"), Place.BACK),
        ),
    )
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_chat_preview_tells_nothing_of_the_card(browser):
    page = browser.page(
        look=CONTENT.look.__class__("#000000", "#ffffff", "#ffffff", pictures("pwa-logo"))
    )
    told = " ".join(re.findall(r'<meta property="og:[^>]*>', page))
    assert "Café Kranz" in told
    assert "pwa-logo" in told
    for secret in ("1.234", "Anna", "0Q3X", TOKEN):
        assert secret not in told


def test_a_picture_behind_the_face_loads_when_it_is_reached_and_moves_nothing(browser):
    file = io.BytesIO()
    Image.new("RGB", (832, 555)).save(file, "PNG")
    [photo] = pictures("pwa-photo").values()
    look = replace(CONTENT.look, pictures={photo.name: replace(photo, png=file.getvalue())})
    page = browser.page(look=look, merchant='Café "Kranz"')
    [tag] = re.findall(r'<img class="photo"[^>]*>', page)
    assert f'src="{photo.url}"' in tag
    assert 'width="832" height="555"' in tag
    assert 'loading="lazy"' in tag
    assert "Café &#34;Kranz&#34;" in tag
    assert page.index("</article>") < page.index(tag) < page.index("</main>")
    assert 'class="photo"' not in browser.page()
    assert photo.url not in browser.get(look=look, state=State.VOID).text


def test_nothing_is_inline_that_the_policy_forbids(browser):
    page = browser.page()
    assert " style=" not in page
    assert "<style" not in page
    assert set(re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)) == {""}
    assert not re.search(r"<[^>]* on[a-z]+=", page)


def test_the_colours_come_in_a_stylesheet_of_their_own(browser):
    response = browser.get("theme.css")
    assert response.mimetype == "text/css"
    assert response.text == ":root{--card:#0f3d3e;--card-ink:#ffffff;--card-label:#a9d6d2}\n"


def test_a_colour_that_is_none_cannot_carry_rules(browser):
    look = CONTENT.look.__class__("red;}body{display:none", "#ffffff", "#ffffff", {})
    assert "display" not in browser.get("theme.css", look=look).text
