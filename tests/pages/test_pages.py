"""Every page, as everybody who has it, in Chinese and English, at two widths: seen, and complained about by no tool.

Screenshots and the HTML go to test-results/pages. axe-core runs without script tags, so the site's CSP stays as it is.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from marketplace import create_app
from marketplace.config import Config
from tests.browser.conftest import WIDTHS, Site
from tests.pages.listed import EXPECTED, NOT_PAGES, PAGES

pytestmark = pytest.mark.pages
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "test-results" / "pages"
AXE = (ROOT / "tests/vendor/axe-core-4.14.1/axe.min.js").read_text()
LANGUAGES = ("zh-Hans", "en")
WATCH = "document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


def name_of(template: str) -> str:
    """A file name for a page."""
    return re.sub(r"[^a-z0-9_]+", "-", template.strip("/").lower().replace("{", "").replace("}", "")).strip("-") or "home"


@pytest.fixture(scope="session", autouse=True)
def _fresh_results() -> None:
    """Old pictures do not mix with new ones."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)


class Look:
    """Visits pages as one person and notes everything that is wrong."""

    def __init__(self, site: Site, browser: Browser, who: str) -> None:
        self.site, self.browser, self.who = site, browser, who
        self.problems: list[str] = []

    def all(self) -> None:
        """Visit every page of this person."""
        for language in LANGUAGES:
            for width, viewport in WIDTHS.items():
                context = self.browser.new_context(viewport=viewport, base_url=self.site.url, locale="zh-CN")
                context.add_cookies([{"name": "lang", "value": language, "url": self.site.url}, *self.site.cookies(self.who)])
                context.add_init_script(WATCH)
                page = context.new_page()
                for template in PAGES[self.who]:
                    self.one(page, template, width, language)
                context.close()

    def one(self, page: Page, template: str, width: str, language: str) -> None:
        """Visit one page once."""
        where = f"{self.who} {template} {width} {language}"
        said: list[str] = []

        def note(message: object) -> None:
            if message.type in {"error", "warning"} and "the server responded with a status of" not in message.text:
                said.append(f"{where}: console: {message.text}")

        page.on("console", note)
        response = page.goto(self.site.world.path(template))
        assert response is not None
        if response.status != EXPECTED.get((self.who, template), 200):
            self.problems.append(f"{where}: status {response.status}")
        self.picture(page, template, width, language)
        self.check_fit(page, where)
        if (width, language) != ("phone", "en"):  # the fourth look at the same markup would tell axe nothing new
            self.check_access(page, where)
        if width == "desktop":
            self.keep_html(response, template, language)
        page.remove_listener("console", note)
        self.problems += said

    def picture(self, page: Page, template: str, width: str, language: str) -> None:
        """Keep what it looks like."""
        folder = RESULTS / self.who
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name_of(template)}.{width}.{language}.png", full_page=True)

    def check_fit(self, page: Page, where: str) -> None:
        """Ask whether the page fits its width, and has its title and its one heading."""
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            culprits = page.evaluate(
                "Array.from(document.querySelectorAll('body *')).filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
                ".slice(0, 3).map(e => e.tagName + '.' + e.className)")
            self.problems.append(f"{where}: {wide} px wider than the window: {culprits}")
        if not page.title().strip() or page.evaluate("document.querySelectorAll('h1').length") != 1:
            self.problems.append(f"{where}: a page has a title and one h1")

    def check_access(self, page: Page, where: str) -> None:
        """Ask axe."""
        page.evaluate(AXE)
        found = page.evaluate("rules => axe.run(document, rules)", RULES)
        for violation in found["violations"]:
            nodes = "; ".join(str(node["target"][0]) for node in violation["nodes"][:3])
            self.problems.append(f"{where}: axe {violation['id']}: {nodes}")

    def keep_html(self, response: Response, template: str, language: str) -> None:
        """Keep the HTML as the server sent it, for the checker."""
        folder = RESULTS / "html" / self.who
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name_of(template)}.{language}.html").write_text(response.text())


@pytest.mark.parametrize("who", list(PAGES))
def test_every_page_is_sound_in_both_languages_and_widths(site, chromium, who):
    look = Look(site, chromium, who)
    look.all()
    (RESULTS / f"{who}.txt").write_text("\n".join(look.problems))
    assert look.problems == [], "\n" + "\n".join(look.problems)


def validate(folder: Path) -> list[str]:
    """Ask html-validate about every file in a folder."""
    report = folder.with_suffix(".json")
    done = subprocess.run(
        ["node", ROOT / "node_modules/html-validate/bin/html-validate.mjs", "--config", ROOT / ".htmlvalidate.json",
         "--formatter", f"json={report}", folder], capture_output=True, text=True, cwd=ROOT, check=False)
    assert report.exists(), done.stderr
    return sorted({f"{Path(file['filePath']).stem}: {m['ruleId']}: {m['message']} ({m['selector']})"
                   for file in json.loads(report.read_text()) for m in file["messages"]})


def test_the_html_of_every_page_is_valid(site):
    """The server's own HTML, without a browser's repairs; Chinese, as every role."""
    folder = RESULTS / "validated"
    folder.mkdir()
    for who, templates in PAGES.items():
        client = site.app.test_client()
        for cookie in site.cookies(who):
            client.set_cookie("session", cookie["value"])
        for template in templates:
            (folder / f"{who}-{name_of(template)}.html").write_text(client.get(site.world.path(template), follow_redirects=True).text)
    assert validate(folder) == []


def test_the_list_of_pages_is_complete(tmp_path):
    app = create_app(Config(instance=tmp_path, secret_key="x" * 40, jobs="none"))
    seen = set(NOT_PAGES)
    adapter = app.url_map.bind("localhost")
    filled = dict.fromkeys(("open",), "x1")
    for templates in PAGES.values():
        for template in templates:
            path = re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], "2026" if m[1] == "year" else "x1"), template).partition("?")[0]
            try:
                seen.add(adapter.match(path)[0])
            except (NotFound, MethodNotAllowed, RequestRedirect):
                continue
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert pages - seen == set(), "pages that nobody looks at"
    assert set(NOT_PAGES) - pages == set(), "exclusions of routes that are gone"


def test_every_entry_of_the_menus_leads_to_a_page(tmp_path):
    from marketplace.web.pages import DESKS, MENU

    app = create_app(Config(instance=tmp_path, secret_key="x" * 40, jobs="none"))
    adapter = app.url_map.bind("localhost")
    for entry in (*MENU, *(entry for _, entry in DESKS)):
        assert adapter.match(entry.path)[0]
