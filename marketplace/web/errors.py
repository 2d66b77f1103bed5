"""Maps refusals to pages: what happened, is my text safe, what next."""

from contextlib import suppress

from flask import Flask, Response, current_app, render_template, request
from flask_babel import gettext
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, DomainError, IllegalStep, Invalid, Unavailable
from marketplace.core.text import N_
from marketplace.web.access import is_public_page, page_behind, to_sign_in, typed_again
from marketplace.web.actor import current_actor, treat_as_visitor

NOT_FOUND = 404
EXPIRED = 419
UNAVAILABLE = 503
DATABASE_DOWN = (InterfaceError, OperationalError, PoolTimeout)
TITLES = {
    400: N_("请求有误"), 401: N_("请先登录"), 403: N_("没有权限"), 404: N_("没有找到"), 405: N_("不支持的操作"), 409: N_("情况有变化"),
    413: N_("文件太大"), 415: N_("文件类型不对"), 419: N_("页面已过期"), 422: N_("填写有误"), 429: N_("操作太快"),
    500: N_("系统出错"), 503: N_("服务暂不可用"),
}
SENTENCES = {
    400: N_("浏览器发来的内容不完整。请返回上一页重试"),
    401: N_("请登录后再打开这一页"),
    403: N_("您没有这一步的权限。需要时请联系单位管理员"),
    404: N_("地址可能写错，或内容已不公开。可以从首页或搜索重新进入"),
    405: N_("这个地址不支持这样的操作。请从页面上的按钮进入"),
    413: N_("单个文件不超过 20 MB。请压缩后重新上传"),
    415: N_("不接受这种类型的文件。请看上传框下的说明"),
    419: N_("这一页打开太久，为安全起见没有提交。请刷新页面后再做一次，输入框里的内容先不要关"),
    429: N_("请稍等片刻再试。您填写的内容没有丢失"),
    500: N_("已经记录下来。刚才的操作没有完成，没有留下一半的数据。请重试，仍不行请联系平台"),
    503: N_("正在维护或太忙。请一分钟后重试"),
}
_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (IllegalStep, 409), (Conflict, 409), (Invalid, 422), (Denied, 403), (Unavailable, 503),
)


def say(error: DomainError) -> str:
    """Return the error's sentence in the visitor's language, facts filled in."""
    words = gettext(error.sentence)
    facts = {name: gettext(value) if isinstance(value, str) and value else value for name, value in error.facts.items()}
    return words.format(**facts) if facts else words


def blame(form: FlaskForm, refused: DomainError) -> None:
    """Put the sentence of a refusal where its field stands, or above the form."""
    name = getattr(refused, "field", None)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, say(refused)]
    else:
        form.form_errors.append(say(refused))


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a refusal."""
    if isinstance(error, Denied) and error.hidden:
        return NOT_FOUND
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def error_page(status: int, sentence: str = "") -> Response:
    """Return the page of an error: number, sentence, what next."""
    sentence = sentence or gettext(SENTENCES.get(status, SENTENCES[500]))
    title = gettext(TITLES.get(status, TITLES[500]))
    if request.headers.get("HX-Request"):
        body = render_template("_macros/error_fragment.html", title=title, sentence=sentence)
    else:
        body = render_template("error.html", status=status, title=title, sentence=sentence, behind=page_behind())
    return Response(body, status=status, mimetype="text/html")


def _note_refusal(error: Denied) -> None:
    """Write a refused access of a signed-in person into the audit, in a transaction of its own."""
    actor = current_actor()
    if actor.is_signed_in:
        note = current_app.extensions["marketplace.note_refusal"]
        with transaction() as session:
            note(session, actor=actor, path=request.path, reason=error.sentence, now=utc_now())


def _domain(error: DomainError) -> BaseResponse:
    """Answer a refusal of the domain; 404 where existence is secret, the sign-in page for a visitor."""
    db.session.rollback()
    status = status_of(error)
    if isinstance(error, Denied) and status != NOT_FOUND and not current_actor().is_signed_in:
        return to_sign_in()
    if isinstance(error, Denied):
        _note_refusal(error)
    return error_page(status, "" if status == NOT_FOUND else say(error))


def _csrf(_error: CSRFError) -> BaseResponse:
    """Answer a form without a valid token: a readable page that keeps what was typed, or a fragment for htmx."""
    if request.headers.get("HX-Request"):
        return error_page(EXPIRED, gettext(SENTENCES[EXPIRED]))
    is_out = not current_actor().is_signed_in and not is_public_page()
    return typed_again(gettext(TITLES[EXPIRED]), status=400, wants_sign_in=is_out)


def _http(error: HTTPException) -> Response:
    """Answer what Werkzeug raises: 404, 405, 413, 429 and their kind."""
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004
        return error.get_response()  # type: ignore[return-value]
    page = error_page(status)
    for name in ("Allow", "Retry-After"):
        if name in error.get_response().headers:
            page.headers[name] = error.get_response().headers[name]
    return page


def _unexpected(error: Exception) -> Response:
    """Answer a fault of ours: logged with its trace, shown without it."""
    current_app.logger.error("unexpected: %s", type(error).__name__, exc_info=error)
    with suppress(*DATABASE_DOWN):
        db.session.rollback()
    if current_app.testing and not current_app.config.get("SHOW_500"):
        raise error
    if not isinstance(error, DATABASE_DOWN):
        return error_page(500)
    treat_as_visitor()
    page = error_page(UNAVAILABLE)
    page.headers["Retry-After"] = "60"
    return page


def init_errors(app: Flask) -> None:
    """Register one handler for each family of errors."""
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
