"""The English catalogue is complete, and every translation keeps the places of its sentence."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import translations  # noqa: E402

PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def test_every_sentence_has_its_english():
    left = translations.missing(translations.current())
    assert left == [], f"{len(left)} sentences without English, for example {left[:5]}"


def test_translations_keep_the_places_of_their_sentences():
    for message in translations.stored():
        if not message.id or not message.string:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        for number, text in enumerate(strings):
            assert set(PLACES.findall(text)) <= set(PLACES.findall(ids[0])), message.id
            if number or len(strings) == 1:   # "one row" may leave the number out
                assert set(PLACES.findall(ids[0])) <= set(PLACES.findall(text)), message.id


def test_english_holds_no_chinese_left_over():
    allowed = re.compile(r"统一社会信用代码|[社洽会澜川区]")     # the name of a column as it stands in a sheet; the brand
    for message in translations.stored():
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for text in strings:
            rest = allowed.sub("", text)
            assert not re.search(r"[\u4e00-\u9fff]{6,}", rest), text
