"""The independent check of all money: a whole story fits, and every single thing that is spoilt is found and named."""

import ast
import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import marketplace.funding.queries.verifying as package
from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, MatchingPool, Pledge, VerifyRun
from marketplace.funding.operations.verifying import MOST_KEPT, keep_report
from marketplace.funding.queries.verifying import INVARIANTS, as_json, latest, trial, verify
from marketplace.ledger.operations import post, seal_batch
from marketplace.ledger.rules import Posting
from marketplace.payments.rules.orders import PaymentKind
from tests.factories import NOW
from tests.factories.funding import keeper, make_funder, make_pledge, make_pool, make_world, released
from tests.factories.payments import came, import_lines, went


def bank(session, world, *lines):
    import_lines(session, world.account, *lines)
    return operations.match_lines(session, actor=SYSTEM, account=world.account, now=NOW)


def tell_story(session):
    """Five pledges under one pool: one paid out, one partly refunded, one dropped, one verbal, one unarrived; fees."""
    world = make_world(session)
    pool = make_pool(session, cap=Money.yuan(20_000), ratio=(1, 2), per_donor_cap=Money.yuan(4_000))
    line = operations.add_cost_line(session, actor=world.desk.handler, project=world.project, name="志愿者培训",
                                    amount=Money.yuan(60_000), now=NOW)
    first = make_pledge(session, world, cost_line=line)
    second = make_pledge(session, world, amount=Money(1_234_567))
    third = make_pledge(session, world)
    make_pledge(session, world, is_verbal=True, round_ref="evening", funder=make_funder(session))
    make_pledge(session, world, amount=Money.yuan(50_000), funder=make_funder(session, kind="person"))
    who = keeper(session, world)
    bank(session, world, came("10000.00", purpose=first.code), came("12345.67", account="6222333344445555", name="财务", purpose=second.code),
         came("77.00", name="不知名"), went("12.50", purpose="账户管理费"))
    for pledge in (first, second):
        operations.confirm(session, actor=who, pledge=pledge, amount=pledge.paid, idem_key=f"c:{pledge.ref}", now=NOW)
    release = released(session, world, first, Money.yuan(7_000))
    session.get_one(type(world.receiver), release.payee_id).bank_account = "6229000011112222"
    operations.ask_refund(session, actor=who, pledge=second, amount=Money(1_000_001), reason="项目缩减", now=NOW)
    order = operations.prepare_order(session, actor=who, account=world.account, now=NOW,
                                     subjects=[(PaymentKind.RELEASE, release.ref), (PaymentKind.REFUND, second.ref)])
    operations.approve_order(session, actor=keeper(session, world, name="复核人"), order=order, now=NOW)
    bank(session, world, went("7000.00", account="6229000011112222"), went("10000.01", account="6222333344445555"))
    operations.cancel(session, actor=SYSTEM, pledge=third, reason="不再参加", now=NOW)
    session.flush()
    seal_batch(session)
    return world, pool, first, second


@pytest.fixture
def story(session):
    """The story told, and somebody who may do anything to the tables."""
    told = tell_story(session)
    lite = session.get_bind().dialect.name == "sqlite"
    for table, name in (("journal", "unchanged"), ("journal", "undeleted"), ("transfer", "unchanged"), ("transfer", "unsealed"),
                        *((("transfer", "undeleted"),) if lite else ())):
        session.execute(sa.text(f"DROP TRIGGER {table}_{name}" + ("" if lite else f" ON {table}")))
    return told


def found(session, **options):
    session.expire_all()
    report = verify(session, now=options.pop("now", NOW), **options)
    return report, {problem.invariant for problem in report.problems if problem.invariant != "I9"}


# ---------- what fits ----------

def test_a_whole_story_fits(session):
    _, pool, first, second = tell_story(session)
    report = verify(session, now=NOW)
    assert report.problems == []
    assert report.ok
    assert report.invariants == dict.fromkeys(INVARIANTS, True)
    assert report.entries == 2 * session.scalar(sa.text("SELECT count(*) FROM transfer")) > 60
    assert (first.disbursed, second.refunded, pool.captured.fen > 0) == (Money.yuan(7_000), Money(1_000_001), True)


def test_nothing_at_all_fits(session):
    report = verify(session, now=NOW)
    assert (report.ok, report.entries, report.entries_per_second) == (True, 0, 0)


def test_the_check_uses_nothing_of_the_operations():
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert "operations" not in ast.unparse(node), path
                assert "marketplace.ledger" not in ast.unparse(node), path


# ---------- what is spoilt is found ----------

SPOILT = {
    "a transfer is larger": ("I1", "UPDATE transfer SET amount = amount + 1 WHERE id = (SELECT min(id) FROM transfer)"),
    "a transfer goes elsewhere": ("I10", "UPDATE transfer SET credit = 'held:' || substr(credit, 10) WHERE credit LIKE 'promised:%'"),
    "a journal lost its transfers": ("I1", "DELETE FROM transfer WHERE journal_id = (SELECT max(id) FROM journal)"),
    "a journal tells another story": ("I1", "UPDATE journal SET kind = 'x' WHERE id = (SELECT min(id) FROM journal)"),
    "a journal was inserted into the chain": ("I1", "UPDATE journal SET position = position + 1000 WHERE position > 5"),
    "a pool reserves more than it says": ("I3", "UPDATE matching_pool SET reserved = reserved + 1"),
    "a pool captured another sum": ("I3", "UPDATE matching_pool SET captured = captured - 1"),
    "a pool's cap was lowered by hand": ("I11", "UPDATE matching_pool SET cap = cap - 1"),
    "an allocation grew": ("I3", "UPDATE allocation SET amount = amount + 1, asked = asked + 1 WHERE id = (SELECT min(id) FROM allocation)"),
    "an allocation moved to another pledge": ("I10", """UPDATE allocation SET pledge_id = (SELECT id FROM pledge WHERE is_verbal)
        WHERE id = (SELECT min(id) FROM allocation)"""),
    "an allocation was forgotten": ("I10", "DELETE FROM allocation WHERE id = (SELECT min(id) FROM allocation)"),
    "a return was undone": ("I11", "UPDATE allocation SET returned = returned - 1, state = 'captured', captured_at = reserved_at WHERE state = 'returned'"),
    "a donor's counter was emptied": ("I4", "UPDATE pool_cap SET used = 0 WHERE scope = 'donor'"),
    "a counter was forgotten": ("I4", "DELETE FROM pool_cap WHERE scope = 'project'"),
    "money of a pledge changed its place": ("I3", "UPDATE pledge SET held = held - 1, disbursed = disbursed + 1 WHERE held > 0"),
    "a pledge grew": ("I3", "UPDATE pledge SET amount = amount + 1, open = open + 1 WHERE open > 0 AND kind = 'own'"),
    "a project's sum shown is another": ("I12", "UPDATE funded_project SET held = held - 1, disbursed = disbursed + 1 WHERE kind = 'own'"),
    "a project's verbal part is another": ("I3", "UPDATE funded_project SET verbal = verbal - 1 WHERE verbal > 0"),
    "a project counts another donor": ("I3", "UPDATE funded_project SET donors = donors + 1"),
    "a project's sums are gone": ("I3", "DELETE FROM funded_project WHERE kind = 'own'"),
    "a cost counts another sum": ("I3", "UPDATE cost_line SET funded = funded - 1"),
    "a release says another sum": ("I6", "UPDATE milestone_release SET amount = amount + 1"),
    "a release for a milestone that is not planned": ("I8", "UPDATE milestone_release SET milestone = 9"),
    "a release says it was not paid": ("I6", "UPDATE milestone_release SET state = 'confirmed', disbursed_at = NULL"),
    "a payment order is not its lines": ("I8", "UPDATE payment_order SET total = total + 1"),
    "a line of the bank is larger": ("I12", "UPDATE bank_line SET amount = amount + 1 WHERE state = 'suspense'"),
    "a fee was forgotten": ("I12", "DELETE FROM bank_line_part WHERE subject_kind = 'fee'"),
    "a part of a line is another": ("I10", "UPDATE bank_line_part SET amount = amount + 1 WHERE subject_kind = 'pledge'"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_was_spoilt_is_found(session, story, what):
    invariant, statement = SPOILT[what]
    session.execute(sa.text(statement))
    report, broken = found(session)
    assert invariant in broken, report.problems
    assert not report.ok
    assert report.invariants[invariant] is False


def test_each_problem_says_what_and_where_with_both_numbers(session, story):
    _, _, first, _ = story
    session.execute(sa.text("UPDATE pledge SET held = held - 1, disbursed = disbursed + 1 WHERE ref = :ref"), {"ref": first.ref})
    said = [str(problem) for problem in verify(session, now=NOW).problems]
    assert f"I3 “held” is not what the ledger says at pledge {first.ref}: expected 300000, found 299999" in said
    assert f"I3 “disbursed” is not what the ledger says at pledge {first.ref}: expected 700000, found 700001" in said


def test_more_than_there_is_is_found_though_row_and_ledger_agree(session, story):
    """A balanced ledger does not prove that nothing was overspent: the cap is checked against what lives."""
    _, pool, *_ = story
    lite = session.get_bind().dialect.name == "sqlite"
    session.execute(sa.text("PRAGMA ignore_check_constraints = ON" if lite else "ALTER TABLE matching_pool DROP CONSTRAINT ck_matching_pool_no_overspend"))
    session.execute(sa.update(MatchingPool).values(cap=Money(pool.captured.fen + pool.reserved.fen - 1)))
    report, broken = found(session)
    assert "I2" in broken, report.problems
    assert sum("more was given than there is" in problem.what for problem in report.problems) == 2
    session.execute(sa.text("PRAGMA ignore_check_constraints = OFF" if lite else "SELECT 1"))


def test_more_than_the_cap_of_a_donor_is_found_from_the_allocations_alone(session, story):
    rows = session.execute(sa.select(Allocation.amount, Allocation.pledge_id).where(Allocation.state == "reserved")).all()
    assert rows
    donor = session.scalar(sa.select(Pledge.funder_id).where(Pledge.kind == "own").order_by(Pledge.id).limit(1))
    session.execute(sa.update(Pledge).where(Pledge.kind == "own").values(funder_id=donor))
    report, broken = found(session)
    assert "I4" in broken
    assert any(problem.what == "the cap of the rule is exceeded" for problem in report.problems), report.problems


def test_more_paid_out_than_arrived_is_found(session, story):
    world, _, first, _ = story
    post(session, actor=SYSTEM, idem_key="thief", kind="x", subject=("pledge", first.ref), now=NOW, postings=[
        Posting(f"held:{first.ref}", f"milestone:{first.ref}:1", Money.yuan(90_000)),
        Posting(f"milestone:{first.ref}:1", world.suspense, Money.yuan(90_000))])
    assert "I7" in found(session)[1]


def test_a_journal_that_reverses_something_else_is_found(session, story):
    session.execute(sa.text("""UPDATE journal SET reverses_id = (SELECT min(id) FROM journal) WHERE id = (SELECT max(id) FROM journal)"""))
    assert "I6" in found(session)[1]


def test_a_pledge_without_the_journal_of_its_promise_is_found(session, story):
    session.execute(sa.text("UPDATE journal SET idem_key = 'x' WHERE idem_key = :key"), {"key": f"pledge:{story[2].ref}:promise"})
    report, broken = found(session)
    assert "I10" in broken
    assert any("without the journal of its promise" in problem.what for problem in report.problems)


def test_a_step_that_no_rule_knows_is_found(session, story):
    post(session, actor=SYSTEM, idem_key="odd", kind="x", subject=("pledge", "p"), now=NOW,
         postings=[Posting("cash-bank:nobody", "promised:nobody", Money(5))])
    report, broken = found(session)
    assert {"I10"} <= broken
    assert any(problem.where == "cash-bank:nobody -> promised:nobody" for problem in report.problems)


@pytest.mark.parametrize("lost", ["journal_unchanged", "transfer_unchanged", "transfer_unsealed", "matching_rule_unchanged", "commitment_unchanged"])
def test_a_lost_guard_is_found(session, lost):
    on = "" if session.get_bind().dialect.name == "sqlite" else f" ON {lost.removesuffix('_unsealed').removesuffix('_unchanged')}"
    session.execute(sa.text(f"DROP TRIGGER {lost}{on}"))
    report = verify(session, now=NOW)
    assert [(problem.invariant, problem.where) for problem in report.problems] == [("I9", f"trigger {lost}")]


def test_a_guard_that_lets_everything_pass_is_found_by_trial(session, story):
    taken = trial(session)
    assert {"UPDATE journal", "UPDATE transfer", "DELETE transfer"} <= set(taken)
    report, _ = found(session, taken=taken)
    assert report.invariants["I9"] is False
    assert session.scalar(sa.text("SELECT count(*) FROM transfer")) * 2 == report.entries, "the trial changed nothing"


def test_the_guards_turn_every_trial_away(session):
    assert trial(session) == [], "an empty ledger has nothing to try"
    tell_story(session)
    assert trial(session) == []


def test_a_tail_that_nobody_seals_is_found(session):
    make_pledge(session, make_world(session))
    assert verify(session, now=NOW + timedelta(seconds=60)).ok
    report = verify(session, now=NOW + timedelta(seconds=61))
    assert [(p.invariant, p.what) for p in report.problems] == [("I1", "journals wait for the sealer for more than 60 s")]


def test_of_many_problems_the_first_of_each_kind_are_told_and_all_are_counted(session):
    world = make_world(session)
    for _ in range(25):
        make_pledge(session, world)
    session.execute(sa.text("UPDATE pledge SET amount = amount + 1, open = open + 1"))
    report = verify(session, now=NOW)
    assert sum(problem.invariant == "I3" for problem in report.problems) == 20
    assert report.found > 50


# ---------- kept, shown, commanded ----------

def test_what_was_found_is_kept_and_the_newest_is_shown(session):
    assert latest(session) is None
    report = verify(session, now=NOW)
    keep_report(session, actor=SYSTEM, report=report, now=NOW)
    make_pledge(session, make_world(session))
    session.execute(sa.text("UPDATE pledge SET amount = amount + 1, open = open + 1"))
    worse = verify(session, now=NOW + timedelta(seconds=5))
    keep_report(session, actor=SYSTEM, report=worse, now=NOW + timedelta(seconds=5))
    shown = latest(session)
    assert (shown.ok, shown.entries, shown.at, shown.found) == (False, worse.entries, NOW + timedelta(seconds=5), worse.found)
    assert [p.what for p in shown.problems] == [p.what for p in worse.problems]


def test_old_results_fall_away(session):
    report = verify(session, now=NOW)
    session.execute(sa.insert(VerifyRun), [
        {"at": NOW, "ok": True, "entries": 0, "entries_per_second": 0, "invariants": {}, "problems": [], "found": 0}
        for _ in range(MOST_KEPT + 5)])
    keep_report(session, actor=SYSTEM, report=report, now=NOW)
    assert session.scalar(sa.select(sa.func.count()).select_from(VerifyRun)) == MOST_KEPT


def test_the_command_answers_in_json_with_its_five_keys(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        tell_story(session)
    done = fresh_app.test_cli_runner().invoke(args=["funding", "verify", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert list(said) == ["ok", "entries", "entries_per_second", "invariants", "problems"]
    assert (said["ok"], said["problems"], list(said["invariants"])) == (True, [], list(INVARIANTS))
    assert said["entries"] > 60
    assert said["entries_per_second"] > 0
    with fresh_app.app_context():
        assert latest(db.session()).entries == said["entries"]


def test_the_command_ends_with_1_and_says_what_does_not_fit(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        tell_story(session)
        session.execute(sa.text("UPDATE matching_pool SET reserved = reserved + 1"))
    done = fresh_app.test_cli_runner().invoke(args=["funding", "verify"])
    assert done.exit_code == 1
    assert "NOT ok" in done.output
    assert "“reserved” is not what live allocations reserve" in done.output
    told = json.loads(fresh_app.test_cli_runner().invoke(args=["funding", "verify", "--json"]).output)
    assert told["ok"] is False
    assert set(told["problems"][0]) == {"invariant", "what", "where", "expected", "found"}


def test_a_worker_checks_once_an_hour(ctx):
    from marketplace.funding.jobs import PERIODIC
    from marketplace.funding.jobs.verifying import verify_hourly

    assert PERIODIC["funding.verify"][1] is verify_hourly
    verify_hourly()
    verify_hourly()
    with transaction() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(VerifyRun)) == 1
        session.execute(sa.update(VerifyRun).values(at=utc_now() - timedelta(hours=1)))
    verify_hourly()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(VerifyRun)) == 2


def test_a_snapshot_sees_one_moment_while_others_go_on_writing(fresh_app):
    """Between the first and the last read of the check, somebody else commits a whole pledge: nothing is torn."""
    import threading

    from marketplace.funding.queries import verifying

    with fresh_app.app_context():
        with transaction() as session:
            tell_story(session)
        reading = verifying.snapshot(db.session())
        reading.execute(sa.text("SELECT count(*) FROM journal")).scalar()

        def write():
            with fresh_app.app_context(), transaction() as other:
                make_pledge(other, make_world(other))

        writer = threading.Thread(target=write)
        writer.start()
        writer.join(60)
        before = verifying.verify(reading, now=NOW)
        assert before.problems == []
        after = verifying.verify(verifying.snapshot(db.session()), now=NOW)
        assert after.entries > before.entries
        assert after.problems == []


def test_as_json_leaves_out_what_interfaces_do_not_name(session):
    assert list(as_json(verify(session, now=NOW))) == ["ok", "entries", "entries_per_second", "invariants", "problems"]


def test_the_database_refuses_by_itself_to_give_more_than_there_is(session):
    pool = make_pool(session, cap=Money.yuan(10))
    for column in ("reserved", "captured"):
        with pytest.raises(sa.exc.IntegrityError, match="no_overspend"), session.begin_nested():
            session.execute(sa.text(f"UPDATE matching_pool SET {column} = cap + 1 WHERE id = :id"), {"id": pool.id})


def test_the_worked_table_of_the_handbook_is_what_money_does():
    text = (Path(__file__).parents[2] / "docs" / "funding.md").read_text()
    parts = Money(5_001).split([5_000, 3_333, 1_668])
    assert [part.fen for part in parts] == [2_500, 1_667, 834]
    for weight, part in zip((5_000, 3_333, 1_668), parts, strict=True):
        row = next(line for line in text.splitlines() if line.startswith(f"| 5,001 × {weight:,} ÷ 10,001"))
        assert row.rstrip(" |").endswith(f"{part.fen:,}")
