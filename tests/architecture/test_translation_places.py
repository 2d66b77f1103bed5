"""A translated sentence is formatted with %: a bare per cent sign in it would break the page in that language only."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

CATALOGS = sorted((Path(__file__).resolve().parents[2] / "translations").rglob("*.po"))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_no_translation_has_a_bare_per_cent_sign_or_a_place_that_its_sentence_lacks(path):
    with path.open("rb") as lines:
        catalog = read_po(lines)
    wrong = []
    for message in catalog:
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        known = set(re.findall(r"%\((\w+)\)[sd]", str(message.id)))
        for words in said:
            bare = "%" in re.sub(r"%\(\w+\)[sd]|%%", "", words)
            if message.id and (bare or set(re.findall(r"%\((\w+)\)[sd]", words)) - known):
                wrong.append(words)
    assert wrong == []
