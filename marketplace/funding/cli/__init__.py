"""Commands of funding: the check of all money, the yearly list of lottery money."""

import csv
import json
import sys

import click
from flask.cli import AppGroup

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.funding.operations.verifying import keep_report
from marketplace.funding.queries import lottery, verifying
from marketplace.funding.rules.funders import LOTTERY_MARK, publish_by

funding = AppGroup("funding", help="Pledges, pools, and the check of all money.")


@funding.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify(as_json: bool) -> None:  # noqa: FBT001
    """Recompute all money with code of its own, keep the result for the public pages; exit 1 when it does not fit."""
    now = utc_now()
    with transaction() as session:
        taken = verifying.trial(session)
    report = verifying.verify(verifying.snapshot(db.session()), now=now, taken=taken)
    with transaction() as session:
        keep_report(session, actor=SYSTEM, report=report, now=now)
    if as_json:
        click.echo(json.dumps(verifying.as_json(report), ensure_ascii=False, default=str))
    else:
        broken = [name for name, holds in report.invariants.items() if not holds]
        click.echo(f"{'ok' if report.ok else 'NOT ok'}: {report.entries} entries, "
                   f"{report.entries_per_second} a second, "
                   f"{len(report.invariants) - len(broken)} of {len(report.invariants)} invariants hold")
        for problem in report.problems:
            click.echo(f"  {problem}")
        if report.found > len(report.problems):
            click.echo(f"  and {report.found - len(report.problems)} more")
    raise SystemExit(0 if report.ok else 1)


@funding.command("lottery-list")
@click.option("--year", type=click.IntRange(2000, 2999), required=True)
def lottery_list(year: int) -> None:
    """Print the list of a year's welfare-lottery money as CSV, as its users publish it by the end of next June."""
    sheet = csv.writer(sys.stdout, lineterminator="\n")
    sheet.writerow(["资金使用单位", "项目编号", "项目", "接收方", "用途", "资助金额（元）", "已拨付（元）", "进展"])
    for use in lottery.uses(db.session(), year=year):
        sheet.writerow([use.funder, use.project_number, use.project, use.receiver, use.purpose, use.promised.plain(),
                        use.disbursed.plain(), use.progress])
    click.echo(f"{LOTTERY_MARK}；应在 {publish_by(year).isoformat()} 前公布", err=True)
