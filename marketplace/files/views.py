"""The one route of files: fetch one."""

from flask import Blueprint
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.db import db
from marketplace.files import policy, queries
from marketplace.web.access import public
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.services import services

blueprint = Blueprint("files", __name__)


@blueprint.get("/files/<ref>")
@public
def download(ref: str) -> Response:
    """Hand out a public file, or one's own."""
    stored = queries.by_ref(db.session(), ref)
    require(policy.may_download(current_actor(), stored))
    data = services().files.get(stored.sha256)
    return attachment(data, name=stored.name, media_type=stored.media_type, is_public=stored.is_public)
