"""A story through HTTP, without JavaScript: save a search, hear of what is published, sign off from the mail."""

import re
from datetime import timedelta

import pytest

from marketplace.core.access import Role
from marketplace.core.db import transaction
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, actor_of, make_person, with_password
from tests.factories.organizations import make_organization
from tests.factories.projects import CLOSES, Desk, make_places, make_submitted, make_unit
from tests.journeys.test_from_list_to_contract import MovedClock, time  # noqa: F401 - a fixture
from tests.journeys.visitor import Visitor

pytestmark = pytest.mark.usefixtures("time")
TITLES = ("桐浦街道长者助餐服务", "桐浦街道社区食堂配送", "桐浦街道老年助餐点运营")


@pytest.fixture
def town(fresh_app):
    """An approver with three projects to approve, and an agency that looks for work."""
    with fresh_app.app_context(), transaction() as session:
        make_places(session)
        unit = make_unit(session, name="桐浦街道办事处")
        clerk = make_person(session, name="何静", role=Role.HANDLER, organization_id=unit.id)
        chief = make_person(session, name="刘建平", role=Role.APPROVER, organization_id=unit.id)
        agency = make_organization(session, name="澜川区暖邻社会工作服务中心")
        session.flush()
        seeker = make_person(session, name="林晓", role=Role.PROVIDER_ADMIN, organization_id=agency.id)
        seeker.email = "lin@example.invalid"
        for person in (clerk, chief, seeker):
            with_password(session, person)
        desk = Desk(unit, actor_of(session, clerk), actor_of(session, chief))
        refs = [make_submitted(session, desk, title=title).ref for title in TITLES]
        logins = {"chief": chief.login, "seeker": seeker.login}
    return fresh_app, logins, refs


def work(app) -> list[dict[str, str]]:
    """Let the workers finish; return the mails to the seeker so far."""
    with app.app_context():
        run_until_idle()
        return [mail for mail in services().mailer.sent if "助餐 · 项目" in mail["subject"]]


def publish(app, logins, ref):
    """The approver signs in and publishes."""
    chief = Visitor(app, "chief").sign_in(logins["chief"], PASSWORD)
    chief.open(f"/desk/projects/{ref}/review").press("批准并发布")
    chief.open(f"/projects/{ref}").sees("公开征集")


def test_from_saving_a_search_to_signing_off_from_the_mail(town):
    app, logins, refs = town
    seeker = Visitor(app, "seeker")
    # whoever is not signed in signs in and comes back to what was to be saved
    seeker.open("/my/searches/new?q=助餐&kind=project").sees("登录").press("登录", login=logins["seeker"], password=PASSWORD)
    seeker.sees("保存搜索", "“助餐”", "将按〔每天〕发送邮件，可随时关闭。", "过去 30 天")
    seeker.press("保存", frequency="at_once").sees("已保存。将在有新内容时立即发送邮件，可随时关闭。", "一有就通知")
    assert work(app) == []

    MovedClock.moment = NOW + timedelta(minutes=10)
    publish(app, logins, refs[0])
    [mail] = work(app)
    assert mail["subject"] == f"“助餐 · 项目”有新内容：{TITLES[0]}"
    seeker.open("/my").sees(f"“助餐 · 项目”有新内容：{TITLES[0]}")
    seeker.follow(f"“助餐 · 项目”有新内容：{TITLES[0]}").sees("这次提醒的内容", TITLES[0]).follow(TITLES[0])
    assert seeker.page.text
    assert refs[0] in seeker.path
    assert len(work(app)) == 1

    # a digest instead: the next morning at eight
    seeker.open("/my/searches").follow("助餐 · 项目").follow("修改提醒").press("保存", frequency="daily")
    MovedClock.moment = NOW + timedelta(minutes=15)
    publish(app, logins, refs[1])
    assert len(work(app)) == 1
    MovedClock.moment = NOW + timedelta(hours=21)                     # seven in the morning
    assert len(work(app)) == 1
    MovedClock.moment = NOW + timedelta(hours=22, minutes=1)          # one past eight
    mail = work(app)[1]
    assert TITLES[1] in mail["text"]
    assert TITLES[0] not in mail["text"]

    # the link in the mail, opened by nobody known
    stranger = Visitor(app, "mail program")
    off = re.search(r"http://localhost(/my/searches/off/[\w-]+)\n", mail["text"])[1]
    stranger.open(off).sees("按下面的按钮", "不用登录").press("关闭提醒").sees("已关闭")
    publish(app, logins, refs[2])
    MovedClock.moment = NOW + timedelta(days=3)
    assert len(work(app)) == 2
    assert MovedClock.moment < CLOSES
    seeker.open("/sign-in").press("登录", login=logins["seeker"], password=PASSWORD)
    seeker.open("/my/searches").sees("已关闭").press("恢复提醒").sees("已恢复提醒")
