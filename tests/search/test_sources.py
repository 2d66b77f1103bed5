"""What is searched: every kind, complete, public facts only; and every change of a public face is heard."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.awards import jobs as award_jobs
from marketplace.awards import operations as awards
from marketplace.awards import queries as award_queries
from marketplace.catalogs import jobs as catalog_jobs
from marketplace.catalogs import operations as catalogs
from marketplace.catalogs import queries as catalog_queries
from marketplace.catalogs.models import Area
from marketplace.catalogs.rules import FUND_LABELS, JOB_NAMES_CHANGED, FundKind, fund_kind
from marketplace.contracts import operations as contracts
from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job
from marketplace.core.publishing import PUBLIC_CHANGED, Attachment, News, PublicDocument
from marketplace.desks.queries import public_documents as help_documents
from marketplace.desks.rules.help import TOPICS
from marketplace.organizations import operations as organizations
from marketplace.organizations import queries as organization_queries
from marketplace.organizations.rules import BUYER_LABELS, JOB_BUYER_CHANGED, BuyerKind, OrganizationKind, buyer_kind
from marketplace.projects import jobs as project_jobs
from marketplace.projects import operations as projects
from marketplace.projects import queries as project_queries
from marketplace.projects.queries import by_ref
from marketplace.projects.rules import JOB_DEADLINE_PASSED
from marketplace.search import operations as search
from marketplace.search import queries
from marketplace.search.jobs import follow_names
from marketplace.search.queries.naming import SOURCE_OF_KIND, areas_of, categories_of, named
from marketplace.web.services import public_sources, services
from tests.contracts.test_operations import SIGNED, a_scan, issue
from tests.factories import NOW
from tests.factories import awards as award_factory
from tests.factories.attachments import make_file, make_project_with, word
from tests.factories.catalogs import line_facts, make_catalog, make_list, publish
from tests.factories.contracts import make_contract
from tests.factories.funding import make_pool
from tests.factories.organizations import make_organization, make_unit
from tests.factories.projects import (
    AREA,
    CATEGORY,
    CLOSES,
    make_actor,
    make_desk,
    make_draft,
    make_opened,
    make_places,
    make_published,
    make_submitted,
)

HOUR = timedelta(hours=1)


def keys_heard(session: Session) -> set[tuple[str, str]]:
    session.flush()
    payloads = session.scalars(select(Job.payload).where(Job.kind == PUBLIC_CHANGED))
    return {(payload["doc_kind"], payload["ref"]) for payload in payloads}


@contextmanager
def heard(session: Session) -> Iterator[set[tuple[str, str]]]:
    """Collects what the index hears of while the block runs."""
    session.flush()
    for job in session.scalars(select(Job).where(Job.kind == PUBLIC_CHANGED)):
        session.delete(job)
    found: set[tuple[str, str]] = set()
    yield found
    found.update(keys_heard(session))


def one(source, session: Session, ref: str) -> PublicDocument:
    (document,) = source.public_documents(session, [ref])
    return document


# ---- projects ----

def test_a_project_brings_all_that_its_page_says_and_nobody(session):
    desk = make_desk(session)
    project = make_published(session, desk, special_conditions="须有食品经营许可", funding_source="福彩公益金")
    document = one(project_queries, session, project.ref)
    assert document.words == (project.number,)
    assert document.lead == (project.summary, project.target_group, project.place)
    for text in (project.body, "须有食品经营许可", "工作日午餐 48000人次", "服务方案", "福彩公益金"):
        assert text in document.body
    assert (document.buyer, document.amount_fen, document.deadline_at) == (desk.unit.name, 36_800_000, CLOSES)
    assert document.facets == {"buyer": (BuyerKind.TOWN,), "fund": (FundKind.LOTTERY,)}
    assert project.contact_name not in repr(document)
    assert project.contact_phone not in repr(document)


def test_a_project_stays_public_in_every_state_from_publishing_on(session):
    desk = make_desk(session)
    public = {
        "published": make_published(session, desk), "opened": make_opened(session, desk),
        "awarded": make_opened(session, desk), "contracted": make_opened(session, desk),
        "failed": make_opened(session, desk), "terminated": make_published(session, desk)}
    for state in ("awarded", "contracted"):
        projects.mark_awarded(session, project=public[state], now=CLOSES + HOUR)
    projects.mark_contracted(session, project=public["contracted"], now=CLOSES + HOUR)
    projects.fail(session, actor=SYSTEM, project=public["failed"], reason="不足三家", now=CLOSES + HOUR)
    projects.terminate(session, actor=desk.approver, project=public["terminated"], reason="预算取消", now=NOW + HOUR)
    make_draft(session, desk)
    make_submitted(session, desk)
    projects.terminate(session, actor=desk.handler, project=make_draft(session, desk), reason="重复了", now=NOW)
    found = {document.status: document for document in project_queries.public_documents(session)}
    assert {state: document.ref for state, document in found.items()} == {s: p.ref for s, p in public.items()}
    assert found["terminated"].news[-1] == News("ended", NOW + HOUR, "预算取消")
    assert "不足三家" in found["failed"].body


def test_addenda_moved_deadlines_and_answers_are_news_with_keys_that_stay(session):
    desk = make_desk(session)
    project = make_published(session, desk)
    asker = make_actor(session, make_organization(session), Role.PROVIDER_MEMBER, "周敏")
    enquiry = projects.ask(session, actor=asker, project=project, question="能否只送餐？", now=NOW + HOUR)
    waiting = projects.ask(session, actor=asker, project=project, question="还没有答复的问题", now=NOW + HOUR)
    projects.publish_addendum(session, actor=desk.handler, project=project, text="改为两荤一素", now=NOW + 2 * HOUR,
                              affects_offers=False)
    later = CLOSES + timedelta(days=1)
    projects.publish_addendum(session, actor=desk.handler, project=project, text="增加一个社区", now=NOW + 3 * HOUR, closes_at=later)
    projects.answer(session, actor=desk.handler, enquiry=enquiry, answer="可以只送餐", now=NOW + 4 * HOUR)
    session.flush()
    document = one(project_queries, session, project.ref)
    assert [(news.key, news.at, news.text) for news in document.news] == [
        ("new", NOW, ""), ("addendum:1", NOW + 2 * HOUR, "改为两荤一素"), ("addendum:2", NOW + 3 * HOUR, "增加一个社区"),
        (f"deadline:{later.isoformat()}", NOW + 3 * HOUR, ""), (f"answer:{enquiry.ref}", NOW + 4 * HOUR, "可以只送餐")]
    assert document.deadline_at == later
    for text in ("改为两荤一素", "能否只送餐？", "可以只送餐"):
        assert text in document.body
    assert waiting.question not in repr(document)


def test_the_files_of_a_project_are_named_with_their_bytes_when_public_and_clean(session):
    project = make_project_with(session, services().files, word("甲"), word("乙"))
    files = [attachment.file for attachment in project.files]
    document = one(project_queries, session, project.ref)
    assert document.attachments == tuple(Attachment(file.sha256, file.name) for file in files)
    assert "附件2" in document.body
    files[0].is_public = False
    files[1].scan_state = "infected"
    session.flush()
    assert one(project_queries, session, project.ref).attachments == ()


# ---- organizations ----

def test_an_organization_brings_its_kinds_of_service_and_the_places_it_serves(session):
    make_places(session)
    body = make_organization(session, name="桐心社工服务中心", categories=[CATEGORY, "A0501"], areas=["440605121"], area_code=AREA,
                             about="陪伴老人", business_scope="社区照顾", is_charity=True,
                             past_projects=[{"title": "长者探访", "buyer_name": "白鹭街道办事处"}])
    document = one(organization_queries, session, body.ref)
    assert document.facets == {"kind": ("service_agency",), "category": (CATEGORY, "A0501"), "area": (AREA, "440605121")}
    for text in ("陪伴老人", "社区照顾", "社会服务机构（民办非企业单位）", "慈善组织", "长者探访 白鹭街道办事处"):
        assert text in document.body
    assert document.words == (body.credit_code,)
    whole = queries.documents_of(session, public_sources(), [("organization", body.ref)])["organization", body.ref]
    assert whole.lead == ("老年助餐服务", "救助服务", "基本养老服务", "养老服务", "社会救助服务", "公共服务",
                          "桐浦街道", "白鹭街道", "澜川区")
    assert CATEGORY in whole.english.splitlines()     # the factory's catalogue gives codes as English names


# ---- catalogue and lists ----

def test_a_code_of_the_catalogue_is_found_by_the_branches_above_it(session):
    make_catalog(session)
    (document,) = named(session, [one(catalog_queries, session, "A040203")])
    assert (document.title, document.words, document.url) == ("老年助餐服务", ("A040203",), "/catalogs/A040203")
    assert document.lead == ("养老服务", "社会保障服务", "公共服务")


def test_codes_out_of_use_are_not_offered(session):
    make_catalog(session, year=2025)
    draft = catalogs.draft_edition(session, actor=SYSTEM, year=2026, now=NOW, source=catalog_queries.published_catalog(session))
    catalogs.save_item(session, actor=SYSTEM, catalog=draft, code="A05", name_zh="社会救助服务", is_active=False, now=NOW)
    catalogs.remove_item(session, actor=SYSTEM, catalog=draft, code="A040203", now=NOW)
    catalogs.save_item(session, actor=SYSTEM, catalog=draft, code="A06", name_zh="社区治理服务", now=NOW)
    with heard(session) as told:
        catalogs.publish_catalog(session, actor=SYSTEM, catalog=draft, now=NOW)
    assert [document.ref for document in catalog_queries.public_documents(session)] == ["A", "A04", "A0402", "A06"]
    assert {("catalog_item", code) for code in ("A05", "A040203", "A06")} <= told


def test_a_line_of_a_list_says_what_is_planned_and_since_when(session):
    make_catalog(session)
    unit = make_unit(session, name="桐浦街道办事处", area_code="990106001")
    made = make_list(session, unit=unit, is_published=True, facts=[line_facts(
        title="长者助餐", office="公共服务办公室", target_group="独居老人", content="工作日午餐", catalog_code="A040203",
        funding_source="慈善捐赠", expected_on="3月", contact="何老师 13800001111", remark="内部备注")])
    ref = made.versions[0].items[0].line.ref
    document = one(catalog_queries, session, ref)
    assert (document.kind, document.buyer, document.area, document.status) == (
        "purchase_list_item", "桐浦街道办事处", "990106001", "not_posted")
    assert document.lead == ("独居老人", "公共服务办公室")
    assert document.facets == {"year": ("2026",), "buyer": (BuyerKind.TOWN,), "fund": (FundKind.GIVING,)}
    assert "3月" in document.body
    for secret in ("何老师", "13800001111", "内部备注"):
        assert secret not in repr(document)
    second = catalogs.amend(session, actor=SYSTEM, purchase_list=made, reason="增加一行", now=NOW + HOUR)
    catalogs.add_line(session, actor=SYSTEM, version=second, facts=line_facts(title="新的一行"), now=NOW + HOUR)
    catalogs.submit_version(session, actor=SYSTEM, version=second, now=NOW + HOUR)
    catalogs.publish_version(session, actor=SYSTEM, version=second, now=NOW + HOUR)
    since = {document.title: document.published_at for document in catalog_queries.public_documents(session)}
    assert (since["长者助餐"], since["新的一行"]) == (NOW, NOW + HOUR)


def test_a_draft_that_grows_from_a_line_is_nobodys_business(session):
    make_places(session)
    desk = make_desk(session)
    made = make_list(session, unit=desk.unit, is_published=True, lines=1)
    item = made.versions[0].items[0]
    with heard(session) as told:
        projects.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    assert told == set()
    assert one(catalog_queries, session, item.line.ref).status == "not_posted"


# ---- notices ----

def test_the_notice_of_a_result_brings_winner_and_price(session):
    case = award_factory.make_ranked(session, services().sealer)
    award = award_factory.make_award(session, case)
    notice = award_queries.notices_of(session, case.project)[-1]
    document = one(award_queries, session, notice.ref)
    assert (document.status, document.amount_fen) == ("result", award.price.fen)
    assert {"结果公告", award.bid.organization.name, case.project.target_group} <= set(document.lead)
    for member in award_queries.panel_of(session, case.project).seats:
        assert member.person.name not in repr(document)
    assert case.project.contact_phone not in repr(document)
    assert document.words == (case.project.number,)


def test_the_notice_of_a_change_brings_its_text_and_the_name_of_the_buyer_as_it_was(ctx):
    with transaction() as session:
        desk = make_desk(session, name="旧名办事处")
        project = make_published(session, desk)
        projects.publish_addendum(session, actor=desk.handler, project=project, text="改为两荤一素", now=NOW, affects_offers=False)
        ref = project.ref
    award_jobs.announce_change(ref, "addendum", number=1)
    with transaction() as session:
        by_ref(session, ref).buyer.name = "新名办事处"
    (document,) = award_queries.public_documents(db.session())
    assert (document.status, document.buyer) == ("change", "旧名办事处")
    assert "改为两荤一素" in document.body
    assert document.amount_fen == 36_800_000


# ---- help ----

def test_every_page_of_help_is_found_by_its_sentences_in_both_languages(session):
    found = {document.ref: document for document in help_documents(session)}
    assert set(found) == set(TOPICS)
    for key, document in found.items():
        assert (document.kind, document.url, document.title) == ("help", f"/help/{key}", TOPICS[key].title)
        assert document.lead[0] == TOPICS[key].intro
        assert all(sentence in document.body or sentence in document.lead for sentence in TOPICS[key].sentences())
        assert document.english or key == "glossary"
        assert not any(sentence in document.english for sentence in TOPICS[key].sentences())
    assert "Social organizations: find projects" in found["provider"].lead[1]
    assert "shèqiàhuì" in found["glossary"].body
    assert "social-service fair" in found["glossary"].english
    assert [document.ref for document in help_documents(session, ["search", "nothing"])] == ["search"]


# ---- all together ----

@pytest.fixture
def world(ctx) -> dict[tuple[str, str], str]:
    """One public thing of each kind beside things that are not public; (kind, ref) -> title."""
    with transaction() as session:
        make_places(session)
        desk = make_desk(session)
        made = make_list(session, unit=desk.unit, is_published=True, lines=1)
        make_list(session, unit=desk.unit, year=2027, lines=1)
        project = make_published(session, desk)
        make_draft(session, desk)
        body = make_organization(session)
        make_organization(session, is_verified=False)
        pool = make_pool(session)
        refs = {("project", project.ref), ("organization", body.ref), ("catalog_item", CATEGORY), ("pool", pool.ref),
                ("purchase_list_item", made.versions[0].items[0].line.ref), ("help", "search")}
        ref = project.ref
    award_jobs.announce_selection(ref)
    (notice,) = award_queries.public_documents(db.session())
    return {*refs, ("notice", notice.ref)}


def test_every_kind_is_offered_by_one_source_and_everything_by_all(world):
    everything = list(queries.all_documents(db.session(), public_sources()))
    keys = [(document.kind, document.ref) for document in everything]
    assert world <= set(keys)
    assert len(keys) == len(set(keys))
    assert {kind for kind, _ in keys} == set(SOURCE_OF_KIND)
    assert set(SOURCE_OF_KIND.values()) == set(public_sources())
    found = queries.documents_of(db.session(), public_sources(), world)
    assert found == {(document.kind, document.ref): document for document in everything if (document.kind, document.ref) in world}


def test_only_the_source_of_a_kind_is_asked_for_it(world):
    asked = []

    def watched(name, source):
        def ask(session, refs):
            asked.append((name, refs))
            return source(session, refs)
        return ask

    sources = {name: watched(name, source) for name, source in public_sources().items()}
    keys = {key for key in world if key[0] in {"project", "catalog_item", "purchase_list_item"}}
    assert set(queries.documents_of(db.session(), sources, keys)) == keys
    assert {name for name, _ in asked} == {"projects", "catalogs"}
    assert len(asked) == 2


@pytest.mark.parametrize(("module", "make"), [
    ("marketplace.projects.queries.public", lambda s, d: make_published(s, d).ref),
    ("marketplace.organizations.queries", lambda s, d: make_organization(s).ref),
    ("marketplace.catalogs.queries.publishing", lambda s, d: make_list(
        s, unit=d.unit, year=2026, is_published=True, lines=5).versions[0].items[0].line.ref),
])
def test_batches_give_everything_once_in_order(session, monkeypatch, module, make):
    desk = make_desk(session)
    made = [make(session, desk) for _ in range(1 if "catalogs" in module else 5)]
    monkeypatch.setattr(f"{module}.BATCH", 2)
    source = {"marketplace.projects.queries.public": project_queries, "marketplace.organizations.queries": organization_queries,
              "marketplace.catalogs.queries.publishing": catalog_queries}[module]
    found = [document.ref for document in source.public_documents(session) if document.kind != "catalog_item"]
    assert len(found) == len(set(found)) >= 5
    assert set(made) <= set(found)


def test_a_document_without_codes_gets_no_names(session):
    document = PublicDocument("help", "x", "甲", facets={"category": ()})
    assert (categories_of(document), areas_of(document)) == ([], [])
    assert list(named(session, [document])) == [document]
    assert next(named(session, [PublicDocument("project", "y", "乙", category="Z99", area="123")])).lead == ()


# ---- what is heard ----

def test_every_verb_on_a_project_is_heard(session):
    desk = make_desk(session)
    with heard(session) as told:
        draft = make_draft(session, desk)
        projects.save_draft(session, actor=desk.handler, project=draft, changes={"title": "改个名称"}, now=NOW)
        projects.submit_for_review(session, actor=desk.handler, project=draft, now=NOW)
    assert told == set()
    steps = {
        "publish": lambda: projects.publish(session, actor=desk.approver, project=draft, closes_at=CLOSES, now=NOW),
        "addendum": lambda: projects.publish_addendum(
            session, actor=desk.handler, project=draft, text="更正", now=NOW, affects_offers=False),
        "open": lambda: projects.mark_opened(session, project=draft, now=CLOSES + HOUR),
        "award": lambda: projects.mark_awarded(session, project=draft, now=CLOSES + HOUR),
        "reopen": lambda: projects.reopen_award(session, project=draft, now=CLOSES + HOUR),
        "fail": lambda: projects.fail(session, actor=SYSTEM, project=draft, reason="不足三家", now=CLOSES + HOUR)}
    for name, step in steps.items():
        with heard(session) as told:
            step()
        assert (name, told) == (name, {("project", draft.ref)})


def test_an_answer_and_a_termination_are_heard_and_a_question_is_not(session):
    desk = make_desk(session)
    project = make_published(session, desk)
    asker = make_actor(session, make_organization(session), Role.PROVIDER_MEMBER, "周敏")
    with heard(session) as told:
        enquiry = projects.ask(session, actor=asker, project=project, question="能否只送餐？", now=NOW)
    assert told == set()
    with heard(session) as told:
        projects.answer(session, actor=desk.handler, enquiry=enquiry, answer="可以", now=NOW)
    assert told == {("project", project.ref)}
    with heard(session) as told:
        projects.terminate(session, actor=desk.approver, project=project, reason="预算取消", now=NOW)
    assert told == {("project", project.ref)}


def test_a_discarded_draft_is_not_heard(session):
    desk = make_desk(session)
    draft = make_draft(session, desk)
    with heard(session) as told:
        projects.terminate(session, actor=desk.handler, project=draft, reason="重复了", now=NOW)
    assert told == set()


def test_the_passing_of_the_deadline_is_heard_at_the_deadline(ctx):
    with transaction() as session:
        project = make_published(session)
        ref = project.ref
        (job,) = session.scalars(select(Job).where(Job.kind == JOB_DEADLINE_PASSED))
        assert (job.due_at, job.payload) == (CLOSES, {"project_ref": ref})
        with heard(session):
            pass
    project_jobs.refresh_public_face(ref)
    with transaction() as session:
        assert keys_heard(session) == {("project", ref)}


def test_results_contracts_and_what_is_taken_back_are_heard(session):
    case = award_factory.make_ranked(session, services().sealer)
    with heard(session) as told:
        award = award_factory.make_award(session, case)
    result = award_queries.notices_of(session, case.project)[-1]
    assert told == {("project", case.project.ref), ("notice", result.ref)}
    with heard(session) as told:
        awards.revoke(session, actor=case.desk.approver, award=award, reason="异议成立", now=award_factory.LATER)
    correction = award_queries.notices_of(session, case.project)[-1]
    assert told == {("project", case.project.ref), ("notice", correction.ref)}


def test_a_signed_contract_is_heard(session):
    deal, contract = make_contract(session, services().sealer)
    issue(session, contract)
    with heard(session) as told:
        contracts.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED,
                                 scan=a_scan(session, deal), now=deal.due + timedelta(days=5))
    assert told == {("project", deal.project.ref)}
    with heard(session) as told:
        contracts.publish_contract(session, actor=deal.desk.handler, contract=contract, now=deal.due + timedelta(days=6))
    notice = award_queries.notices_of(session, deal.project)[-1]
    assert told == {("project", deal.project.ref), ("notice", notice.ref)}
    document = one(award_queries, session, notice.ref)
    assert (document.status, document.amount_fen) == ("contract", contract.amount.fen)
    assert {deal.provider.organization.name, contract.number} <= set(document.lead)


def test_every_verb_on_an_organization_that_has_a_page_is_heard(session):
    with heard(session) as told:
        hidden = make_organization(session, is_verified=False, code=None)
    assert told == set()
    key = {("organization", hidden.ref)}
    administrator = SYSTEM
    steps = {
        "verify": lambda: (organizations.update_profile(session, actor=administrator, organization=hidden, now=NOW, changes={
            "credit_code": organizations_code()}), organizations.verify(session, actor=SYSTEM, organization=hidden, now=NOW)),
        "rename": lambda: organizations.update_profile(
            session, actor=SYSTEM, organization=hidden, changes={"name": "新名字社工服务中心"}, now=NOW),
        "return": lambda: organizations.return_profile(
            session, actor=SYSTEM, organization=hidden, reason="证书过期了", now=NOW),
        "submit": lambda: organizations.submit_for_verification(session, actor=SYSTEM, organization=hidden, now=NOW)}
    for name, step in steps.items():
        with heard(session) as told:
            step()
        assert (name, told) == (name, key)
    with heard(session) as told:
        unit = make_unit(session, name="一个新单位")
    assert told == {("organization", unit.ref)}


def organizations_code() -> str:
    from tests.factories.organizations import credit_code

    return credit_code()


def test_a_renamed_buyer_is_heard_for_its_projects_lines_and_notices(ctx):
    with transaction() as session:
        make_places(session)
        desk = make_desk(session)
        made = make_list(session, unit=desk.unit, is_published=True, lines=1)
        project = make_published(session, desk)
        make_draft(session, desk)
        other = make_published(session)
        unit_ref, project_ref, other_ref = desk.unit.ref, project.ref, other.ref
        line_ref = made.versions[0].items[0].line.ref
    award_jobs.announce_selection(project_ref)
    (notice,) = award_queries.public_documents(db.session())
    with transaction() as session:
        desk_unit = by_ref(session, project_ref).buyer
        with heard(session):
            organizations.update_profile(session, actor=SYSTEM, organization=desk_unit, changes={"name": "桐浦新街道办事处"}, now=NOW)
        handlers = set(session.scalars(select(Job.handler).where(Job.kind == JOB_BUYER_CHANGED)))
        assert handlers == {"projects.follow_buyer", "catalogs.follow_unit", "awards.follow_buyer"}
    for follow in (project_jobs.follow_buyer, catalog_jobs.follow_unit, award_jobs.follow_buyer):
        follow(unit_ref)
    with transaction() as session:
        told = keys_heard(session)
    assert {("project", project_ref), ("purchase_list_item", line_ref), ("notice", notice.ref)} <= told
    assert ("project", other_ref) not in told
    found = queries.documents_of(db.session(), public_sources(), told)
    assert found["project", project_ref].buyer == "桐浦新街道办事处"


def test_other_changes_of_a_buyer_do_not_touch_its_projects(session):
    desk = make_desk(session)
    organizations.update_profile(session, actor=SYSTEM, organization=desk.unit, changes={"about": "新的介绍"}, now=NOW)
    body = make_organization(session)
    organizations.update_profile(session, actor=SYSTEM, organization=body, changes={"name": "不是买方的机构"}, now=NOW)
    assert session.scalars(select(Job).where(Job.kind == JOB_BUYER_CHANGED)).all() == []


def test_versions_of_lists_are_heard_line_by_line(session):
    with heard(session) as told:
        made = make_list(session, lines=2)
        unit = made.unit
    assert told == {("organization", unit.ref)}
    with heard(session) as told:
        publish(session, made.versions[0])
    lines = {("purchase_list_item", item.line.ref) for item in made.versions[0].items}
    assert lines <= told
    second = catalogs.amend(session, actor=SYSTEM, purchase_list=made, reason="去掉一行", now=NOW)
    catalogs.remove_line(session, actor=SYSTEM, item=second.items[0], now=NOW)
    with heard(session) as told:
        publish(session, second)
    assert lines <= told


# ---- groups ----

@pytest.mark.parametrize(("kind", "area", "group"), [
    ("unit", None, BuyerKind.DISTRICT), ("unit", "440605", BuyerKind.DISTRICT), ("unit", "440605011", BuyerKind.TOWN),
    ("unit", "440605011003", BuyerKind.COMMUNITY), ("self_gov", "440605", BuyerKind.COMMUNITY),
    ("foundation", "440605", BuyerKind.CHARITY), ("charity_federation", None, BuyerKind.CHARITY),
    ("enterprise", "440605011", BuyerKind.OTHER)])
def test_buyers_are_grouped_by_kind_and_by_the_level_of_their_place(kind, area, group):
    assert buyer_kind(OrganizationKind(kind), area) == group
    assert group in BUYER_LABELS


@pytest.mark.parametrize(("words", "group"), [
    ("年度部门预算", FundKind.BUDGET), ("镇（街）财政资金", FundKind.BUDGET), ("福利彩票公益金", FundKind.LOTTERY),
    ("体彩", FundKind.LOTTERY), ("社区基金会资助", FundKind.GIVING), ("慈善公益金", FundKind.GIVING), ("多彩社区", FundKind.OTHER),
    ("自筹", FundKind.OTHER), ("  ", None)])
def test_sources_of_money_are_grouped_by_their_words(words, group):
    assert fund_kind(words) == group
    assert group is None or group in FUND_LABELS


def test_a_private_file_of_the_unit_is_in_no_document(session):
    desk = make_desk(session)
    make_file(session, services().files, data=word("单位内部文件"), owner=desk.unit)
    make_published(session, desk)
    documents = list(project_queries.public_documents(session))
    assert [document.attachments for document in documents] == [()]


# ---- other names of codes ----

def rename(code: str, name: str) -> None:
    with transaction() as session:
        edition = catalogs.draft_edition(session, actor=SYSTEM, year=2027, now=NOW, source=catalog_queries.published_catalog(session))
        catalogs.save_item(session, actor=SYSTEM, catalog=edition, code=code, name_zh=name, now=NOW)
        catalogs.publish_catalog(session, actor=SYSTEM, catalog=edition, now=NOW)


def codes_told() -> list[list[str]]:
    return [payload["codes"] for payload in db.session.scalars(
        select(Job.payload).where(Job.kind == JOB_NAMES_CHANGED).order_by(Job.id))]


def differs() -> set[tuple[str, str]]:
    found, _ = queries.difference(db.session(), public_sources(), services().search_index, now=NOW)
    return {*found.missing, *found.extra, *found.stale}


def test_documents_are_found_by_the_new_name_of_their_branch_without_being_news(ctx):
    with transaction() as session:
        project, other = make_published(session), make_published(session, category_code="A0501")
        keys = {("project", project.ref), ("project", other.ref)}
    search.rebuild(db.session(), services=services(), sources=public_sources(), now=NOW)
    rename("A0402", "居家和社区养老服务")
    assert codes_told() == [["A0402"]]
    items = {key for key in differs() if key[0] == "catalog_item"}
    assert differs() - items == {("project", project.ref)}
    before = db.session.scalar(select(func.count()).select_from(Job))
    follow_names(codes=["A0402"])
    assert differs() - items == set()
    assert db.session.scalar(select(func.count()).select_from(Job)) == before
    found = queries.documents_of(db.session(), public_sources(), keys)
    assert "居家和社区养老服务" in found["project", project.ref].lead
    assert "居家和社区养老服务" not in found["project", other.ref].lead


def test_an_edition_that_says_the_same_changes_no_names(ctx):
    with transaction() as session:
        make_places(session)
    rename("A05", "社会救助服务")
    assert codes_told() == []


def test_places_that_are_called_otherwise_are_told_by_their_codes(session):
    catalogs.load_areas(session, actor=SYSTEM, now=NOW)
    area = session.get(Area, "990106001")
    area.name = "旧名街道"
    session.flush()
    with heard(session):
        pass
    catalogs.load_areas(session, actor=SYSTEM, now=NOW)
    session.flush()
    assert codes_told()[-1] == ["990106001"]


def test_names_change_without_an_index_too(ctx):
    follow_names(codes=["A0402"])
