"""Vendored browser assets are the bytes their locks name."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("static/vendor", "tests/vendor")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_vendored_file_has_the_hash_that_its_lock_names(folder):
    for entry in json.loads((ROOT / folder / "vendor.lock").read_text()):
        assert entry["integrity"].startswith("sha512-")
        assert entry["files"]
        for name, digest in entry["files"].items():
            assert hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_lies_among_the_vendored_files_that_no_lock_names(folder):
    base = ROOT / folder
    named = {name for entry in json.loads((base / "vendor.lock").read_text()) for name in entry["files"]}
    lying = {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file() and path.name != "vendor.lock"}
    assert lying == {name for name in named if not name.startswith("..")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_vendored_package_brings_its_licence(folder):
    for entry in json.loads((ROOT / folder / "vendor.lock").read_text()):
        assert entry["licence"] in {"MIT", "0BSD", "MPL-2.0"}
        assert any(Path(name).name == "LICENSE" for name in entry["files"])


def test_the_package_lock_names_no_registry_host():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_every_icon_that_a_template_names_is_in_the_sprite():
    import re

    sprite = (ROOT / "static/icons.svg").read_text()
    known = set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', sprite))
    used = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        used |= set(re.findall(r"""\bicon\(\s*['"]([a-z0-9-]+)['"]""", text))
        used |= set(re.findall(r"icons\.svg[^#]*#i-([a-z0-9-]+)", text))
        used |= set(re.findall(r"""['"]?(?:icon|icon_name)['"]?\s*[:=]\s*['"]([a-z0-9-]+)['"]""", text))
    assert used - known == set()
