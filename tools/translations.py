"""Keeps the English catalogue: `extract` brings it up to date, `missing` lists what has no English, `fill F` takes JSON.

Chinese is the message id; translations/en/LC_MESSAGES/messages.po is the only catalogue kept by hand.
"""

import json
import os
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "translations" / "en" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "lazy_gettext": None, "_l": None}


def is_ours(folder: str | os.PathLike[str]) -> bool:
    """Leave out hidden folders and what others wrote; Babel's own filter would leave out templates/_macros too."""
    return Path(folder).name not in {"node_modules", "instance", "test-results"} and not Path(folder).name.startswith(".")


def template() -> Catalog:
    """Return every marked sentence of the code and the templates."""
    with (ROOT / "translations" / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)
    made = Catalog(project="marketplace", charset="utf-8")
    rows = extract_from_dir(str(ROOT), methods, options, keywords=KEYWORDS, directory_filter=is_ours)
    for filename, _line, message, _comments, _context in sorted(rows, key=lambda row: (row[0], row[1])):
        made.add(message, locations=[(filename, 0)])
    return made


def stored() -> Catalog:
    """Return the English catalogue as it is kept."""
    if not PO.exists():
        return Catalog(locale="en")
    return read_po(BytesIO(PO.read_bytes()), locale="en")


def save(catalog: Catalog) -> None:
    """Write the catalogue, sorted, without times, so that a change shows as its own lines."""
    out = BytesIO()
    write_po(out, catalog, width=0, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True)
    text = out.getvalue().decode()
    kept = [line for line in text.split("\n") if not line.startswith(('"POT-Creation', '"PO-Revision'))]
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_text("\n".join(kept))


def current() -> Catalog:
    """Return the catalogue with today's sentences: new ones empty, gone ones dropped."""
    catalog = stored()
    catalog.update(template(), no_fuzzy_matching=True)
    return catalog


def is_chinese(text: object) -> bool:
    """Say whether a message id holds Chinese (others, such as 'PDF', are their own English)."""
    words = text if isinstance(text, str) else "".join(text)  # type: ignore[arg-type]
    return any("\u4e00" <= c <= "\u9fff" or c in "，。、：；（）“”" for c in words)


def missing(catalog: Catalog) -> list[object]:
    """Return the sentences without English."""
    return [m.id for m in catalog if m.id and is_chinese(m.id)
            and not (all(m.string) if isinstance(m.string, (tuple, list)) else m.string)]


def fill(catalog: Catalog, words: dict[str, str]) -> int:
    """Put translations in; return how many were taken."""
    taken = 0
    for message in catalog:
        key = message.id if isinstance(message.id, str) else (message.id[0] if message.id else "")
        if key and key in words and words[key]:
            message.string = words[key] if isinstance(message.id, str) else tuple(words[key].split("|"))
            message.flags.discard("fuzzy")
            taken += 1
    return taken


def main(words: list[str]) -> int:
    """Run one verb."""
    catalog = current()
    verb = words[0] if words else "missing"
    if verb == "fill":
        for name in words[1:]:
            print(fill(catalog, json.loads(Path(name).read_text())), "taken from", name)
        save(catalog)
    elif verb == "extract":
        save(catalog)
    left = missing(catalog)
    if verb == "missing":
        print(json.dumps(left, ensure_ascii=False, indent=0))
    print(f"{len(list(catalog))} sentences, {len(left)} without English", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
