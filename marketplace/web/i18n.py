"""The visitor's language: Simplified Chinese is the source, English a full catalogue, Traditional by conversion."""

from typing import Any

from flask import Flask, Response, g, request
from flask_babel import Babel, get_locale, get_translations
from flask_login import current_user
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from marketplace.config import ROOT
from marketplace.web.services import services

LOCALES = ("zh_Hans_CN", "en", "zh_Hant")
_SHORT = {"zh-Hans": "zh_Hans_CN", "zh": "zh_Hans_CN", "zh-CN": "zh_Hans_CN", "en": "en", "zh-Hant": "zh_Hant"}
COOKIE = "lang"
YEAR_SECONDS = 31_536_000


def chosen_locale() -> str:
    """Return the locale of this request: ?lang=, then the cookie, then the account, then Chinese. Never by address."""
    asked = request.args.get("lang") or request.cookies.get(COOKIE, "")
    if asked in _SHORT:
        return _SHORT[asked]
    if current_user and current_user.is_authenticated and current_user.locale in LOCALES:
        return str(current_user.locale)
    return LOCALES[0]


def html_lang() -> str:
    """Return the lang attribute of the page."""
    if getattr(g, "traditional", False) or chosen_locale() == "zh_Hant":
        return "zh-Hant"
    return "en" if str(get_locale()).startswith("en") else "zh-Hans"


def catalog() -> Any:
    """Return the texts of this request's locale: looked up once, for a page asks a hundred times."""
    here = g._get_current_object().__dict__  # noqa: SLF001 - one look-up instead of one a word
    babel = here.get("_flask_babel")
    locale = getattr(babel, "babel_locale", None)
    kept = here.get("kept_catalog")
    if kept is None or locale is None or kept[0] is not locale:
        found = get_translations()
        kept = here["kept_catalog"] = (get_locale(), found)
    return kept[1]


@pass_context
def word(context: Context, sentence: str, **facts: object) -> str:
    """Return a sentence in the visitor's language, facts filled in; what templates call as _()."""
    found = catalog().ugettext(sentence)
    if context.eval_ctx.autoescape:
        found = Markup(found)  # noqa: S704 - sentences are ours; facts are escaped by the formatting
    return found % facts if "%" in found else found


def init_i18n(app: Flask) -> None:
    """Wire Flask-Babel; remember ?lang= in a cookie; convert finished pages to Traditional where asked."""
    app.config["BABEL_DEFAULT_LOCALE"] = LOCALES[0]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "translations")
    Babel(app, locale_selector=chosen_locale, timezone_selector=lambda: "Asia/Shanghai")
    app.jinja_env.globals.update(html_lang=html_lang, gettext=word, _=word)

    @app.after_request
    def language(response: Response) -> Response:
        asked = request.args.get("lang")
        if asked in _SHORT:
            response.set_cookie(COOKIE, asked, max_age=YEAR_SECONDS, samesite="Lax", httponly=True,
                                secure=request.is_secure)
        if response.mimetype == "text/html" and not response.direct_passthrough and chosen_locale() == "zh_Hant":
            response.set_data(services().converter.to_traditional(response.get_data(as_text=True)))
        return response
