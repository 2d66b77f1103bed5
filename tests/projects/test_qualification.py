"""What the published qualification says in numbers: what may be asked, what may not, and that it is frozen in the open."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.procedures import operations as procedures
from marketplace.procedures.queries import effective_rule_set
from marketplace.procedures.rules import BELOW_THRESHOLD, NEVER_ASKED, QUALIFIED_KINDS, from_snapshot, snapshot
from marketplace.projects import operations, queries, rules
from marketplace.projects.models import Project
from marketplace.projects.queries import by_ref
from tests.factories import NOW
from tests.factories.accounts import sign_in
from tests.factories.projects import make_desk, make_draft, make_published, make_submitted
from tests.projects.test_views import far


def name_the_rating(session):
    """The place's own rule set names the rating as a condition."""
    return procedures.set_local(session, actor=SYSTEM, procedure="below_threshold", key="may_ask_grade", value=1,
                                source="澜川区遴选办法〔2026〕8号第六条", effective_from=date(2026, 11, 23), now=NOW)


def test_a_draft_keeps_kinds_and_certified_staff(session):
    project = make_draft(session, qualified_kinds=["service_agency", "association"], certified_min=3)
    session.expire(project)
    assert (project.qualified_kinds, project.certified_min, project.grade_min) == (["service_agency", "association"], 3, None)
    assert project.kind_labels == ["社会服务机构（民办非企业单位）", "社会团体"]


@pytest.mark.parametrize(("change", "field"), [
    ({"qualified_kinds": ["unit"]}, "qualified_kinds"), ({"qualified_kinds": ["filed_group"]}, "qualified_kinds"),
    ({"qualified_kinds": ["cooperative"]}, "qualified_kinds"), ({"certified_min": 0}, "certified_min"),
    ({"certified_min": 501}, "certified_min"), ({"certified_min": -1}, "certified_min"), ({"grade_min": 3}, "grade_min"),
])
def test_what_the_law_does_not_allow_is_refused_with_its_reason(session, change, field):
    desk = make_desk(session)
    with pytest.raises(Invalid) as refused:
        make_draft(session, desk, **change)
    assert refused.value.field == field
    project = make_draft(session, desk)
    with pytest.raises(Invalid):
        operations.save_draft(session, actor=desk.handler, project=project, changes=change, now=NOW)


@pytest.mark.parametrize("name", NEVER_ASKED)
def test_age_size_and_registered_place_are_refused_and_the_law_is_named(session, name):
    desk = make_desk(session)
    project = make_draft(session, desk)
    with pytest.raises(Invalid, match=r"财综〔2016〕54号|87号令|第二十条"):
        operations.save_draft(session, actor=desk.handler, project=project, changes={name: 3}, now=NOW)
    assert not hasattr(Project, name)


def test_a_grade_may_be_asked_only_where_the_local_rule_set_names_it(session):
    desk = make_desk(session)
    with pytest.raises(Invalid) as refused:
        make_draft(session, desk, grade_min=3)
    assert "实施条例第二十条" in str(refused.value.facts["basis"])
    name_the_rating(session)
    project = make_published(session, desk, grade_min=3)
    assert queries.rules_of(session, project, NOW).may_ask_grade == 1
    with pytest.raises(Invalid, match="1A 到 5A"):
        make_draft(session, desk, grade_min=6)


def test_a_draft_with_a_grade_cannot_be_published_once_the_local_rule_is_gone(session):
    name_the_rating(session)
    desk = make_desk(session)
    project = make_submitted(session, desk, grade_min=4)
    procedures.set_local(session, actor=SYSTEM, procedure="below_threshold", key="may_ask_grade", value=0,
                         source="澜川区遴选办法修订", effective_from=date(2026, 11, 24), now=NOW)
    found = rules.publish_problems(project.as_draft(), categories={project.category_code: "x"},
                                   rules=effective_rule_set(session, "below_threshold", date(2026, 11, 24)))
    assert [one.field for one in found] == ["grade_min"]
    with pytest.raises(Invalid):
        operations.publish(session, actor=desk.approver, project=project, closes_at=None, now=NOW + timedelta(days=1))


def test_a_copy_leaves_out_a_grade_that_is_no_longer_lawful(session):
    setting = name_the_rating(session)
    desk = make_desk(session)
    source = make_published(session, desk, grade_min=3, certified_min=2, qualified_kinds=["foundation"])
    session.delete(setting)
    session.flush()
    copy = operations.duplicate(session, actor=desk.handler, project=source, buyer=desk.unit, now=NOW)
    assert (copy.grade_min, copy.certified_min, copy.qualified_kinds) == (None, 2, ["foundation"])
    assert source.grade_min == 3                      # its own rules stay


def test_published_conditions_are_frozen(session):
    desk = make_desk(session)
    project = make_published(session, desk, certified_min=2)
    with pytest.raises(Denied):
        operations.save_draft(session, actor=desk.handler, project=project, changes={"certified_min": 1}, now=NOW)
    assert project.certified_min == 2


@pytest.mark.parametrize("values", [{"certified_min": 0}, {"certified_min": 501}, {"grade_min": 0}, {"grade_min": 6}])
def test_the_database_itself_refuses_impossible_conditions(session, values):
    project = make_draft(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(Project).where(Project.id == project.id).values(**values))


def test_a_snapshot_from_before_the_rating_was_a_number_still_reads():
    plain = snapshot(BELOW_THRESHOLD)
    del plain["may_ask_grade"], plain["sources"]["may_ask_grade"]
    assert from_snapshot(plain) == BELOW_THRESHOLD


def test_limiting_the_kinds_warns_and_does_not_stop(session):
    project = make_draft(session, qualified_kinds=["enterprise"])
    assert "kinds" in [one.code for one in queries.review(session, project, NOW).warnings]
    assert "kinds" not in [one.code for one in queries.review(session, make_draft(session), NOW).warnings]


def test_filed_groups_and_units_are_no_choice():
    assert {"unit", "filed_group"}.isdisjoint(QUALIFIED_KINDS)


@pytest.fixture
def world(app, client):
    now = utc_now()
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        draft = make_draft(session, desk, now=now, closes_at=far())
        shown = make_published(session, desk, now=now, closes_at=far(), qualified_kinds=["service_agency"], certified_min=3)
        return {"client": client, "app": app, "handler": desk.handler.person_id, "draft": draft.ref, "shown": shown.ref}


def typed(page, **changes):
    """What the browser would send back of the section, changed."""
    found = dict(re.findall(r'<input[^>]*type="(?:text|hidden)"[^>]*name="([^"]+)"[^>]*?value="([^"]*)"', page))
    found.update(dict.fromkeys(re.findall(r'<textarea[^>]*name="([^"]+)"', page), "x"))
    return {**found, **changes}


def test_the_editor_takes_the_conditions_and_clears_them_again(world):
    client = sign_in(world["client"], world["handler"])
    url = f"/desk/projects/{world['draft']}/edit/requirement"
    page = client.get(url).get_data(as_text=True)
    assert "不能要求：这里的规则没有把评估等级列为条件" in page
    assert "87号令第十七条" in page
    assert 'name="grade_min"' not in page
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    sent = client.post(url, data={**typed(page), "version": version, "qualified_kinds": ["service_agency", "foundation"],
                                  "certified_min": "３", "qualification": "y"})
    assert sent.status_code == 303
    with world["app"].app_context():
        kept = by_ref(db.session(), world["draft"])
        assert (kept.qualified_kinds, kept.certified_min) == (["service_agency", "foundation"], 3)
        version = str(kept.version_id)
    sent = client.post(url, data={**typed(page), "version": version, "certified_min": "", "qualification": "y"})
    assert sent.status_code == 303
    with world["app"].app_context():
        kept = by_ref(db.session(), world["draft"])
        assert (kept.qualified_kinds, kept.certified_min) == ([], None)


@pytest.mark.parametrize(("sent", "sentence"), [
    ({"grade_min": "4"}, "没有把评估等级列为条件"), ({"qualified_kinds": ["unit"]}, "机关不能承接"),
    ({"certified_min": "0"}, "1 到 500"), ({"certified_min": "许多"}, "不是整数"), ({"qualified_kinds": ["<b>"]}, "不能列为资格条件"),
])
def test_the_editor_says_why_it_refuses(world, sent, sentence):
    client = sign_in(world["client"], world["handler"])
    url = f"/desk/projects/{world['draft']}/edit/requirement"
    page = client.get(url).get_data(as_text=True)
    answer = client.post(url, data={**typed(page), "qualification": "y", **sent})
    assert answer.status_code == 422
    assert sentence in answer.get_data(as_text=True)


def test_the_public_page_shows_what_is_asked_for(world):
    page = world["client"].get(f"/projects/{world['shown']}").get_data(as_text=True)
    assert "组织类型：社会服务机构" in page
    assert "持证社工不少于 3 人" in page
    assert "评估等级不低于" not in page


def test_another_units_people_never_reach_the_section(world):
    with world["app"].app_context(), transaction() as session:
        stranger = make_desk(session).handler.person_id
    client = sign_in(world["client"], stranger)
    assert client.get(f"/desk/projects/{world['draft']}/edit/requirement").status_code == 404
