"""The language of a site: its dictionary and its places, made once for as long as neither changes."""

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from marketplace.catalogs.models import Area
from marketplace.search.models.dictionary import DictionaryVersion
from marketplace.search.queries import languages
from marketplace.search.queries.languages import finder_of, language_of
from marketplace.search.rules.question import Question
from marketplace.web.services import services
from tests.factories import NOW


@pytest.fixture
def town(session: Session) -> Area:
    session.execute(delete(Area))
    area = Area(code="990106001", name="桐浦街道", level=2, parent_code=None, aliases="桐浦 老桐浦")
    session.add(area)
    session.flush()
    return area


def test_places_of_the_site_are_part_of_its_language(session: Session, town: Area) -> None:
    found = language_of(session, services(), "shipped")
    assert {"=桐浦街道"} <= found.tokens("老桐浦")
    assert found.label == "shipped"
    assert "=老年人" in found.tokens("长者")


def test_a_language_is_made_once_until_a_place_changes(session: Session, town: Area) -> None:
    first = language_of(session, services(), "shipped")
    assert language_of(session, services(), "shipped") is first
    town.name = "桐浦镇"
    session.flush()
    changed = language_of(session, services(), "shipped")
    assert changed is not first
    assert "=桐浦镇" in changed.tokens("桐浦")


def test_versions_of_one_number_and_other_words_are_told_apart(session: Session, town: Area) -> None:
    version = DictionaryVersion(number=7, base=0, note="新词", entry_count=1, opened_at=NOW, published_at=NOW, digest="a" * 64)
    session.add(version)
    session.flush()
    first = language_of(session, services(), "7")
    assert language_of(session, services(), "7") is first
    version.digest = "b" * 64
    session.flush()
    assert language_of(session, services(), "7") is not first


def test_only_a_few_languages_are_kept(session: Session, town: Area) -> None:
    for number in range(6):
        town.aliases = f"别名{number}"
        session.flush()
        language_of(session, services(), "shipped")
    assert len(languages._kept) <= 4


def test_the_finder_speaks_the_language_that_the_index_was_made_with(app: Flask, session: Session, town: Area) -> None:
    index = services().search_index
    index.rebuild([], label="shipped")
    finder = finder_of(session, services())
    assert finder.language.label == index.label() == "shipped"
    assert finder.find(Question(text="桐浦 助餐"), NOW).total == 0


def test_without_an_index_nothing_is_found_and_that_is_said(app: Flask, session: Session) -> None:
    with pytest.raises(OSError, match=r".+"):
        finder_of(session, services())
