"""What the accounts do after a commit."""

import logging

from marketplace.accounts import rules

log = logging.getLogger(__name__)


def warn_of_refusals(*, person_ref: str, name: str, count: int) -> None:  # noqa: ARG001 - the log holds no names
    """Write the alarm into the server's log, where monitoring reads it; the operators' to-do is made by `inbox`."""
    log.warning("security: account %s was refused %d times within ten minutes", person_ref, count)


HANDLERS = {rules.JOB_REFUSALS_PILED_UP: warn_of_refusals}
