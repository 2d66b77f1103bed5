"""What monitoring asks: does the process answer, and may it be sent visitors."""

from flask import Response, jsonify

from marketplace.accounts.views.blueprints import healths
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.web.access import public
from marketplace.web.health import checks

NOT_READY = 503


@healths.get("/healthz")
@public
def healthz() -> Response:
    """Say that the process answers; asks nothing of the database."""
    return Response("ok\n", mimetype="text/plain")


@healths.get("/readyz")
@public
def readyz() -> tuple[Response, int]:
    """Say whether database, migrations, storage, jobs and clock are as they must be: 200, or 503 naming what is not.

    A search index that is missing or late is told (`degraded`) and does not keep visitors away.
    """
    found = checks(db.session(), now=utc_now())
    is_ready = all(check.ok for check in found if check.needed)
    answer = jsonify(ok=is_ready, degraded=[check.name for check in found if not check.ok and not check.needed],
                     checks={check.name: {"ok": check.ok, "value": check.value} for check in found})
    return answer, 200 if is_ready else NOT_READY
