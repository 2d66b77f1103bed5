"""A fresh process loads what the first visitor would wait for."""

from flask import Flask

from marketplace.search.jobs import WARM_UPS
from marketplace.search.queries import languages
from marketplace.web.serve import warm_up
from tests.search.test_jobs import publish_one, work


def test_warming_makes_the_language_and_without_an_index_nothing_happens(app: Flask, monkeypatch) -> None:
    made: list[str] = []
    real = languages.make_language
    monkeypatch.setattr(languages, "make_language", lambda *given, **more: made.append(more["label"]) or real(*given, **more))
    languages._kept.clear()
    warm_up(app)
    assert made == []
    with app.app_context():
        publish_one()
        work()
    languages._kept.clear()
    made.clear()
    warm_up(app)
    assert len(made) == 1
    assert app.extensions["marketplace.warm_ups"] == WARM_UPS
