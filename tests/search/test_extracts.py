"""Texts of public files: read once, by the worker, only while they are public and clean; found like any other word."""

import json

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job
from marketplace.core.ports import ExtractedText, Extraction
from marketplace.core.publishing import PUBLIC_CHANGED, Attachment, PublicDocument
from marketplace.core.searching import Alternative, Clause, SearchRequest
from marketplace.projects.queries import public_documents
from marketplace.search import operations, queries
from marketplace.search.jobs import extract_text
from marketplace.search.models import TextExtract
from marketplace.search.queries.languages import language_of
from marketplace.search.rules import JOB_EXTRACT
from marketplace.search.rules.extracts import MOST_CHARACTERS, readable, wanted
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.attachments import make_file, make_project_with, word
from tests.factories.projects import make_desk
from tests.search.test_jobs import work


class Counting:
    """An extractor that says how often it was asked."""

    def __init__(self, answer: ExtractedText = ExtractedText("附件里的文字", Extraction.WHOLE)) -> None:  # noqa: B008
        self.asked: list[str] = []
        self.answer = answer

    def extract(self, data: bytes, *, filename: str) -> ExtractedText:
        self.asked.append(filename)
        return self.answer


@pytest.fixture
def extractor(ctx: Flask) -> Counting:
    services().extractor = Counting()
    return services().extractor


def publish(*data: bytes, **changes: object) -> PublicDocument:
    """A published project with these files, as the public may find it."""
    with transaction() as session:
        project = make_project_with(session, services().files, *data, **changes)
    return next(iter(public_documents(db.session(), [project.ref])))


def jobs(kind: str) -> list[dict[str, object]]:
    return [job.payload for job in db.session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id))]


def ask(*documents: PublicDocument) -> int:
    with transaction() as session:
        return operations.want_texts(session, documents=documents, now=NOW)


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(TextExtract))


def test_the_text_of_an_attachment_belongs_to_its_document_after_the_job(ctx):
    document = publish(word("需要会说客家话的社工"))
    assert queries.texts_of(db.session(), document) == ()
    assert ask(document) == 1
    (payload,) = jobs(JOB_EXTRACT)
    before = len(jobs(PUBLIC_CHANGED))
    extract_text(**payload)
    assert queries.texts_of(db.session(), document) == ("需要会说客家话的社工",)
    assert len(jobs(PUBLIC_CHANGED)) > before
    assert jobs(PUBLIC_CHANGED)[-1] == {"doc_kind": "project", "ref": document.ref}
    assert ask(document) == 0


def test_a_file_is_asked_for_once_for_each_document_and_read_once(extractor):
    first, second = publish(word("同一份需求书")), publish(word("同一份需求书"))
    # two Word files made a moment apart may differ: the second document names the bytes of the first
    second = PublicDocument(kind="project", ref=second.ref, title="二", attachments=first.attachments)
    for _ in range(2):
        ask(first, second)
    assert [payload["ref"] for payload in jobs(JOB_EXTRACT)] == [first.ref, second.ref]
    before = len(jobs(PUBLIC_CHANGED))
    for payload in jobs(JOB_EXTRACT):
        extract_text(**payload)
    assert len(extractor.asked) == 1
    assert {payload["ref"] for payload in jobs(PUBLIC_CHANGED)[before:]} == {first.ref, second.ref}
    assert queries.texts_by_document(db.session(), [first, second]) == {
        ("project", one.ref): ("附件里的文字",) for one in (first, second)}


@pytest.mark.parametrize(("verdict", "is_public"), [
    ("clean", False), ("pending", True), ("pending", False), ("Win.Test.EICAR", True), (None, True)])
def test_a_file_that_is_not_public_or_not_clean_is_never_read(extractor, verdict, is_public):
    with transaction() as session:
        stored = make_file(session, services().files, data=word("密"), verdict=verdict, is_public=is_public)
    extract_text(stored.sha256, "需求书.docx", "project", "x")
    assert (extractor.asked, count(), jobs(PUBLIC_CHANGED)) == ([], 0, [])


def test_bytes_found_infected_elsewhere_are_not_read_here(extractor):
    data = word("同样的内容")
    with transaction() as session:
        clean = make_file(session, services().files, data=data, is_public=True)
        make_file(session, services().files, data=data, verdict="Win.X")
    extract_text(clean.sha256, clean.name, "project", "x")
    assert (extractor.asked, count()) == ([], 0)


def test_the_file_of_a_draft_is_not_among_its_public_files(extractor):
    with transaction() as session:
        draft = make_project_with(session, services().files, word("草稿附件"), is_published=False)
        operations.want_missing_texts(session, sources={"projects": public_documents}, now=NOW)
    assert list(public_documents(db.session(), [draft.ref])) == []
    assert jobs(JOB_EXTRACT) == []


def test_a_file_that_cannot_be_read_is_an_outcome_with_a_sentence_and_not_tried_again(extractor):
    extractor.answer = ExtractedText("", Extraction.REFUSED, "文件有打开密码，内容没有收入搜索")
    document = publish(word("甲"))
    ask(document)
    (payload,) = jobs(JOB_EXTRACT)
    for _ in range(2):
        extract_text(**payload)
    assert len(extractor.asked) == 1
    assert queries.texts_of(db.session(), document) == ()
    kept = db.session.scalars(select(TextExtract)).one()
    assert (kept.state, kept.reason, kept.characters) == ("refused", "文件有打开密码，内容没有收入搜索", 0)
    assert ask(document) == 0


def test_a_store_that_is_away_leaves_the_job_to_be_tried_again(extractor, monkeypatch):
    document = publish(word("甲"))
    ask(document)

    def away(sha256: str) -> bytes:
        raise OSError(sha256)

    monkeypatch.setattr(services(), "files", type("Away", (), {"get": staticmethod(away)})())
    with pytest.raises(OSError, match=document.attachments[0].sha256):
        extract_text(**jobs(JOB_EXTRACT)[0])
    assert count() == 0


def test_of_two_that_read_the_same_bytes_the_first_stays(ctx):
    with transaction() as session:
        for text in ("先", "后"):
            operations.keep_text(session, sha256="a" * 64, extracted=ExtractedText(text, Extraction.WHOLE), now=NOW)
    assert db.session.scalars(select(TextExtract.text)).all() == ["先"]


def test_texts_come_in_the_order_of_the_files_and_end_at_the_limit(ctx):
    document = PublicDocument("project", "x", "甲", attachments=(
        Attachment("b" * 64, "二.PDF"), Attachment("a" * 64, "一.docx"), Attachment("d" * 64, "图.jpg"), Attachment("c" * 64, "三.xlsx")))
    assert list(wanted(document)) == ["b" * 64, "a" * 64, "c" * 64]
    with transaction() as session:
        for name, length in (("a", MOST_CHARACTERS), ("b", 7), ("c", 5), ("d", 5)):
            operations.keep_text(session, sha256=name * 64, extracted=ExtractedText(name * length, Extraction.WHOLE), now=NOW)
    texts = queries.texts_of(db.session(), document)
    assert [(text[0], len(text)) for text in texts] == [("b", 7), ("a", MOST_CHARACTERS - 7)]


def test_what_is_missing_is_asked_for_after_a_rebuild_and_only_then_is_everything_looked_at(ctx):
    publish(word("甲"), word("乙"))
    looked = []

    def source(session, refs):
        looked.append(refs)
        return public_documents(session, refs)

    with transaction() as session:
        assert operations.want_missing_texts(session, sources={"projects": source}, now=NOW) == 2
    for payload in jobs(JOB_EXTRACT):
        extract_text(**payload)
    with transaction() as session:
        assert operations.want_missing_texts(session, sources={"projects": source}, now=NOW) == 0
    assert looked == [None]


def test_the_command_says_what_became_of_the_files(app):
    with app.app_context():
        publish(word("甲乙丙"))
    run = app.test_cli_runner().invoke(args=["search", "texts", "--json"])
    assert json.loads(run.stdout) == {"wanted": 1, "outcomes": []}
    with app.app_context():
        extract_text(**jobs(JOB_EXTRACT)[0])
        with transaction() as session:
            operations.keep_text(session, sha256="f" * 64, now=NOW, extracted=ExtractedText("", Extraction.REFUSED, "打不开"))
    run = app.test_cli_runner().invoke(args=["search", "texts", "--json"])
    assert json.loads(run.stdout) == {"wanted": 0, "outcomes": [
        {"state": "refused", "reason": "打不开", "files": 1, "characters": 0},
        {"state": "whole", "reason": "", "files": 1, "characters": 3}]}
    plain = app.test_cli_runner().invoke(args=["search", "texts"]).stdout
    assert "打不开" in plain
    assert "0 files are waiting" in plain


@pytest.mark.parametrize(("name", "is_text"), [("a.PDF", True), ("a.docx", True), ("a.xlsx", True), ("a.jpg", False), ("pdf", False)])
def test_pictures_are_not_asked_for(name, is_text):
    assert readable(name) == is_text


def test_a_desk_without_files_has_no_texts(ctx):
    with transaction() as session:
        make_desk(session)
    assert queries.texts_by_document(db.session(), [PublicDocument("notice", "n", "公告")]) == {("notice", "n"): ()}


def test_a_word_of_an_attachment_is_found_when_the_worker_is_through(ctx):
    document = publish(word("须配备客家话翻译"))
    work()
    language = language_of(db.session(), services(), services().search_index.label())
    (token,) = language.tokens("客家") & {"客家"}
    request = SearchRequest((Clause((Alternative((token,)),)),), least=1, kinds=("project",))
    assert services().search_index.search(request).refs == [("project", document.ref)]
    assert db.session.scalars(select(TextExtract.state)).all() == ["whole"]
