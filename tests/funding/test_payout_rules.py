"""The yearly duty to spend (rulebook 4.3) and the days of reports (CL 79)."""

from datetime import date

import pytest

from marketplace.core.money import Money
from marketplace.funding.rules.figures import figures
from marketplace.funding.rules.payout import payout, rule_for
from marketplace.funding.rules.reports import next_report, reports
from marketplace.organizations.rules import OrganizationKind as Kind


@pytest.mark.parametrize(("kind", "may_fundraise", "wan", "percent", "management"), [
    (Kind.FOUNDATION, True, 0, 70, 10), (Kind.FOUNDATION, False, 6000, 6, 12), (Kind.FOUNDATION, False, 5999, 6, 13),
    (Kind.FOUNDATION, False, 800, 6, 13), (Kind.FOUNDATION, False, 799, 7, 15), (Kind.FOUNDATION, False, 400, 7, 15),
    (Kind.FOUNDATION, False, 399, 8, 20), (Kind.SERVICE_AGENCY, True, 0, 70, 13), (Kind.ASSOCIATION, False, 1000, 6, 13),
    (Kind.ASSOCIATION, False, 500, 7, 14), (Kind.ASSOCIATION, False, 100, 8, 15), (Kind.SERVICE_AGENCY, False, 99, 8, 20),
])
def test_each_body_has_the_percentage_of_its_size(kind: Kind, may_fundraise: bool, wan: int, percent: int, management: int) -> None:
    rule = rule_for(kind, may_fundraise=may_fundraise, net_assets=Money.yuan(wan * 10_000))
    assert rule is not None
    assert (rule.percent, rule.management) == (percent, management)
    assert rule.source in {"慈善法第六十一条", "民发〔2016〕189号"}


def test_no_rule_binds_firms_and_bureaus_and_none_is_guessed_without_net_assets() -> None:
    assert rule_for(Kind.ENTERPRISE, may_fundraise=False, net_assets=Money.yuan(1)) is None
    assert rule_for(Kind.UNIT, may_fundraise=False, net_assets=None) is None
    assert rule_for(Kind.FOUNDATION, may_fundraise=False, net_assets=None) is None


def test_what_is_due_is_the_least_sum_without_what_was_spent_and_never_negative() -> None:
    rule = rule_for(Kind.FOUNDATION, may_fundraise=False, net_assets=Money.yuan(8_600_000))
    assert rule is not None
    due = payout(rule, income=None, net_assets=Money.yuan(8_600_000), spent=Money.yuan(16_000))
    assert due is not None
    assert (due.least, due.due) == (Money.yuan(516_000), Money.yuan(500_000))
    over = payout(rule, income=None, net_assets=Money.yuan(8_600_000), spent=Money.yuan(600_000))
    assert over is not None
    assert over.due == Money(0)


def test_a_least_sum_is_never_rounded_away() -> None:
    rule = rule_for(Kind.FOUNDATION, may_fundraise=False, net_assets=Money(1))
    assert rule is not None
    due = payout(rule, income=None, net_assets=Money(1), spent=Money(0))
    assert due is not None
    assert due.least == Money(1)


def test_a_small_agency_also_spends_half_of_its_income() -> None:
    rule = rule_for(Kind.SERVICE_AGENCY, may_fundraise=False, net_assets=Money.yuan(500_000))
    assert rule is not None
    due = payout(rule, income=Money.yuan(300_000), net_assets=Money.yuan(500_000), spent=Money(0))
    assert due is not None
    assert due.least == Money.yuan(150_000)


def test_long_programmes_report_every_three_months_and_all_report_three_months_after_the_end() -> None:
    year = list(reports(date(2027, 1, 1), date(2027, 12, 31)))
    assert [one.due_on for one in year] == [date(2027, 4, 1), date(2027, 7, 1), date(2027, 10, 1), date(2028, 3, 31)]
    assert [one.is_final for one in year] == [False, False, False, True]
    short = list(reports(date(2027, 1, 31), date(2027, 4, 30)))
    assert [one.due_on for one in short] == [date(2027, 7, 30)]
    assert next_report(date(2027, 1, 1), date(2027, 12, 31), today=date(2027, 7, 2)) == year[2]
    assert next_report(date(2027, 1, 1), date(2027, 12, 31), today=date(2028, 4, 1)) is None
    assert next_report(None, None, today=date(2027, 1, 1)) is None


def test_figures_count_no_fen_twice_and_what_went_back_not_at_all() -> None:
    made = figures({"open": 10, "paid": 20, "held": 30, "released": 40, "disbursed": 50, "refunding": 1, "refunded": 7,
                    "disputed": 2, "dropped": 9}, verbal=4)
    assert [one.fen for one in (made.confirmed, made.paid, made.held, made.disbursed)] == [149, 143, 70, 50]
