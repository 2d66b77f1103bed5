"""A person at a browser without JavaScript: opens pages, fills the forms that stand on them, presses their buttons."""

import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask


@dataclass
class PageForm:
    """One form as it stands on a page, with the values it came with."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)   # words, name, value


class _Reader(HTMLParser):
    """Reads the forms, the title and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.links: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._form: PageForm | None = None
        self._button: tuple[str, str] | None = None
        self._link: str | None = None
        self._words: list[str] = []
        self._select = ""
        self._select_value: str | None = None
        self._area: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {k: v or "" for k, v in attrs}
        if tag == "form":
            self._form = PageForm(a.get("action", ""), a.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "a":
            self._link, self._words = a.get("href", ""), []
        elif self._form is None:
            return
        elif tag == "input":
            kind = a.get("type", "text")
            ticked = kind not in {"checkbox", "radio"} or "checked" in a
            if kind not in {"file", "submit"} and ticked and a.get("name"):
                self._form.fields.append((a["name"], a.get("value", "on" if kind == "checkbox" else "")))
        elif tag == "textarea":
            self._area = (a.get("name", ""), [])
        elif tag == "select":
            self._select, self._select_value = a.get("name", ""), None
        elif tag == "option" and self._select:
            if "selected" in a or self._select_value is None:
                self._select_value = a.get("value", "")
        elif tag == "button" and a.get("type", "submit") == "submit":
            self._button, self._words = (a.get("name", ""), a.get("value", "")), []

    def handle_endtag(self, tag: str) -> None:
        words = "".join(self._words).strip()
        if tag == "form":
            self._form = None
        elif tag == "a" and self._link is not None:
            self.links.append((words, self._link))
            self._link = None
        elif tag == "select" and self._form and self._select:
            self._form.fields.append((self._select, self._select_value or ""))
            self._select = ""
        elif tag == "textarea" and self._form and self._area:
            self._form.fields.append((self._area[0], "".join(self._area[1]).removeprefix("\n")))
            self._area = None
        elif tag == "button" and self._form and self._button is not None:
            self._form.buttons.append((words, *self._button))
            self._button = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        self._words.append(data)
        if self._area:
            self._area[1].append(data)


class Visitor:
    """One person, one browser."""

    def __init__(self, app: Flask, name: str = "") -> None:
        self.client = app.test_client()
        self.name = name
        self.path = "/"
        self.status = 0
        self.page = _Reader()

    def open(self, path: str) -> "Visitor":
        """Go to an address and follow where it leads."""
        return self._take(self.client.get(path, follow_redirects=True))

    def follow(self, words: str) -> "Visitor":
        """Follow the first link that says `words`; where none says just that, the first that contains them."""
        said = [href for text, href in self.page.links if text == words]
        said += [href for text, href in self.page.links if words in text]
        assert said, f"{self.name}: no link “{words}” on {self.path}: {self.words()[:400]}"
        href = said[0]
        return self.open(href)

    def press(self, button: str, **fields: object) -> "Visitor":
        """Fill the form that holds the button and press it. A value may be text, a list, or (file name, bytes)."""
        form = next((f for f in self.page.forms if any(button in words for words, _, _ in f.buttons)), None)
        assert form is not None, f"{self.name}: no button “{button}” on {self.path}: {self.words()[:400]}"
        given = [(n, v) for n, v in form.fields if n not in fields]
        for name, value in fields.items():
            given += [(name, v) for v in value] if isinstance(value, list) else [(name, value)]
        _, name, value = next(b for b in form.buttons if button in b[0])
        if name:
            given.append((name, value))
        data: dict[str, list[object]] = {}
        for key, value in given:
            made = (io.BytesIO(value[1]), value[0]) if isinstance(value, tuple) else value
            data.setdefault(key, []).append(made)
        where = form.action or self.path
        if form.method == "get":
            return self._take(self.client.get(where, query_string=data, follow_redirects=True))
        files = any(isinstance(v, tuple) for values in data.values() for v in values)
        return self._take(self.client.post(where, data=data, follow_redirects=True, headers={"Origin": "http://localhost"},
                                           content_type="multipart/form-data" if files else None))

    def sign_in(self, login: str, password: str) -> "Visitor":
        """Sign in at the door."""
        self.open("/sign-in").press("登录", login=login, password=password)
        assert self.status == 200, self.words()
        return self

    def words(self) -> str:
        """Return what stands on the page, spaces folded."""
        return " ".join("".join(self.page.text).split())

    def sees(self, *sentences: str) -> "Visitor":
        """Assert that the page says all of these."""
        shown = self.words()
        for sentence in sentences:
            assert sentence in shown, f"{self.name} does not see “{sentence}” on {self.path} ({self.status}): {shown[:1500]}"
        return self

    def _take(self, answer) -> "Visitor":
        self.status, self.path = answer.status_code, answer.request.path
        self.page = _Reader()
        if answer.mimetype == "text/html":
            self.page.feed(answer.text)
        self.raw = answer
        return self
