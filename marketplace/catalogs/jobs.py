"""What catalogs do when the outbox calls: apply an import; news of lists is for the inbox."""

from marketplace.catalogs import rules


def leave_to_the_inbox(**_news: object) -> None:
    """Do nothing here: people are told by the inbox; the kind must have a listener where that slice is left out."""


HANDLERS = {kind: leave_to_the_inbox for kind in (
    rules.JOB_LIST_SUBMITTED, rules.JOB_LIST_RETURNED, rules.JOB_LIST_PUBLISHED)}
