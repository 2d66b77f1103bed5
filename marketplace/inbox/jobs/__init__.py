"""News from every slice, turned into messages: who must act, who must know, who must not."""

from collections.abc import Mapping

from marketplace.accounts.rules import JOB_REFUSALS_PILED_UP
from marketplace.awards.rules import (
    JOB_AWARD_MADE,
    JOB_AWARD_REVOKED,
    JOB_OBJECTION_ANSWERED,
    JOB_OBJECTION_RAISED,
    JOB_SEATS_CHANGED,
    JOB_SHEETS_IN,
)
from marketplace.bids.rules import JOB_BID_RECEIVED, JOB_BIDS_OPENED
from marketplace.catalogs.rules import JOB_LIST_PUBLISHED, JOB_LIST_RETURNED, JOB_LIST_SUBMITTED
from marketplace.conflicts.rules import JOB_DECLARED, JOB_SETTLED
from marketplace.contracts.rules import JOB_CONTRACT_ISSUED, JOB_CONTRACT_PUBLISHED, JOB_CONTRACT_SIGNED
from marketplace.core.outbox import Handler
from marketplace.funding.rules import news as money
from marketplace.fundplans.rules import JOB_PLAN_ENDED, JOB_PLAN_SHARED
from marketplace.inbox.jobs import (
    alerts,
    awards,
    bids,
    contracts,
    funding,
    fundplans,
    interests,
    lists,
    mail,
    matching,
    meetings,
    organizations,
    pairings,
    pledging,
    projects,
    safety,
)
from marketplace.inbox.rules import JOB_MAIL
from marketplace.matching.rules.outreach import JOB_PROVIDERS_INVITED, JOB_PROVIDERS_TOLD
from marketplace.matching.rules.runs import JOB_RUN_PUBLISHED
from marketplace.meetings.rules import JOB_MEETINGS_CANCELLED, JOB_MEETINGS_MOVED, JOB_SCHEDULE_PUBLISHED
from marketplace.organizations.rules import JOB_VERIFICATION_ASKED, JOB_VERIFICATION_DECIDED
from marketplace.pledging.rules import JOB_SIGN_DUE
from marketplace.projects.rules import JOB_PROJECT_CHANGED, JOB_PROJECT_PUBLISHED
from marketplace.search.rules import JOB_ALERT

HANDLERS: Mapping[str, Handler] = {
    JOB_MAIL: mail.mail_copy,
    JOB_REFUSALS_PILED_UP: safety.warn_officers,
    JOB_VERIFICATION_ASKED: organizations.ask_for_check,
    JOB_VERIFICATION_DECIDED: organizations.tell_check,
    JOB_DECLARED: interests.ask_to_settle,
    JOB_SETTLED: interests.tell_settled,
    JOB_LIST_SUBMITTED: lists.ask_for_review,
    JOB_LIST_RETURNED: lists.ask_to_mend,
    JOB_LIST_PUBLISHED: lists.tell_published,
    JOB_PROJECT_PUBLISHED: projects.tell_of_publication,
    JOB_PROJECT_CHANGED: projects.tell_of_change,
    JOB_BID_RECEIVED: bids.acknowledge_bid,
    JOB_BIDS_OPENED: bids.tell_of_opening,
    JOB_SEATS_CHANGED: awards.tell_seats,
    JOB_SHEETS_IN: awards.tell_sheets_in,
    JOB_AWARD_MADE: awards.tell_award,
    JOB_AWARD_REVOKED: awards.tell_revocation,
    JOB_OBJECTION_RAISED: awards.ask_for_answer,
    JOB_OBJECTION_ANSWERED: awards.tell_answer,
    JOB_CONTRACT_ISSUED: contracts.ask_for_signatures,
    JOB_CONTRACT_SIGNED: contracts.ask_for_publication,
    JOB_CONTRACT_PUBLISHED: contracts.close_publication,
    JOB_ALERT: alerts.tell_alerts,
    JOB_SIGN_DUE: pledging.ask_to_sign,
    JOB_PROVIDERS_TOLD: matching.tell_providers,
    JOB_PROVIDERS_INVITED: matching.invite_providers,
    JOB_RUN_PUBLISHED: pairings.tell_units,
    JOB_PLAN_ENDED: fundplans.tell_ended,
    JOB_PLAN_SHARED: fundplans.tell_shared,
    JOB_SCHEDULE_PUBLISHED: meetings.tell_participants,
    JOB_MEETINGS_CANCELLED: meetings.tell_cancelled,
    JOB_MEETINGS_MOVED: meetings.tell_moved,
    money.JOB_COMMITMENT_PREPARED: funding.ask_for_approval,
    money.JOB_COMMITMENT_APPROVED: funding.tell_signed,
    money.JOB_COMMITMENT_RETURNED: funding.tell_returned,
    money.JOB_MONEY_MOVED: funding.tell_move,
    money.JOB_RELEASE_PROPOSED: funding.ask_for_release,
    money.JOB_RELEASE_DECIDED: funding.tell_release,
    money.JOB_FLAG_RAISED: funding.ask_to_look,
    money.JOB_FLAG_DECIDED: funding.close_flag,
    money.JOB_SIGN_REMINDER: funding.remind_to_sign,
    money.JOB_EXPIRY_NEAR: funding.warn_of_expiry,
}
