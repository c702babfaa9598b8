"""The benchmark measures what it says it measures."""

import io
import json
from itertools import count

from PIL import Image

from benchmarks import rounds, sample
from benchmarks.table import Note, Row, render


def test_seven_pictures_of_137_kb():
    pictures = sample.pictures()
    assert len(pictures) == 7
    assert round(sum(len(picture.png) for picture in pictures.values()) / 1000) in {136, 137}
    for name, picture in pictures.items():
        with Image.open(io.BytesIO(picture.png)) as image:
            image.load()
            assert (image.width, image.height, len(picture.png)) == sample.PICTURES[name]
    assert pictures == sample.pictures()


def test_every_card_is_another_one(wallet, draw, account):
    shared = sample.look(), sample.locations(), account
    faces = [json.loads(draw(sample.card(number, *shared))["pass.json"]) for number in range(20)]
    assert len({face["serialNumber"] for face in faces}) == 20
    assert {len(face["storeCard"]["backFields"]) for face in faces} == {7}
    designs = wallet._designs.get(("pass.example.treuepass", "EXAMPLE123", "kranz-multipass"))
    assert len(designs) == 1


def test_rates_and_their_report():
    numbers = count()
    batches = {
        "one": rounds.batch_of(3, lambda: next(numbers), lambda number: number),
        "two": rounds.threaded(2, 3, lambda: next(numbers), lambda number: number),
    }
    rates = rounds.interleave(batches, 0)
    assert {name: len(found) for name, found in rates.items()} == {"one": 2, "two": 2}
    assert next(numbers) == 2 * 3 + 2 * 2 * 3

    # The machine was ten times slower for a while: round by round, nothing changed.
    slow, fast = [10.0, 1.0, 10.0, 10.0], [40.0, 4.0, 44.0, 36.0]
    report = render(
        "Title", [Row("bare", slow), Row("pass", fast, "bare", slow, 5.0), Note("By the way.")]
    )
    assert "4.00" in report
    assert "3.90-4.10" in report
    assert ">= 5" in report
    assert "NOT HELD" in report
    assert report.endswith("By the way.")
    held = render("Title", [Row("bare", slow), Row("pass", fast, "bare", slow, 4.0)])
    assert "NOT HELD" not in held
