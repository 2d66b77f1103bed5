"""Readers that are not ours open the contract of the walk: veraPDF, poppler, and the text a person would copy."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
pytestmark = pytest.mark.documents


def run(*words, **options):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=True, **options)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The walk, played in an instance of its own; returns its JSON."""
    env = {**os.environ, "MARKETPLACE_INSTANCE": str(tmp_path_factory.mktemp("walk")), "FLASK_APP": "app"}
    env.pop("DATABASE_URL", None)
    done = run(sys.executable, "-m", "flask", "demo", "walk", "--json", cwd=ROOT, env=env)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def contract(walked):
    return Path(walked["contract_pdf"])


@pytest.fixture(scope="module")
def verapdf():
    """veraPDF's published library, brought by Maven; a machine without it fails here and says so."""
    folder = ROOT / "test-results" / "verapdf"
    if not list(folder.glob("validation-model-*.jar")):
        run("mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={folder}")
    return folder


def test_verapdf_finds_the_contract_a_valid_pdf_a_3u(contract, verapdf):
    done = subprocess.run(["java", "-cp", f"{verapdf}/*", HERE / "PdfA.java", "3u", contract], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("compliant")


def test_verapdf_refuses_the_same_contract_without_its_colour_profile(contract, verapdf, tmp_path):
    spoilt = tmp_path / "spoilt.pdf"
    with pikepdf.open(contract) as opened:
        del opened.Root.OutputIntents
        opened.save(spoilt)
    done = subprocess.run(["java", "-cp", f"{verapdf}/*", HERE / "PdfA.java", "3u", spoilt], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("NOT compliant")


def test_poppler_finds_every_font_embedded_with_its_letters(contract):
    rows = run("pdffonts", contract).stdout.splitlines()[2:]
    assert rows
    for row in rows:
        embedded, subset, unicode_map = row.split()[-5:-2]
        assert (embedded, subset, unicode_map) == ("yes", "yes", "yes"), row


def test_poppler_reads_the_sum_in_figures_and_capitals_and_every_clause(contract, walked):
    text = re.sub(r"\s+", "", run("pdftotext", "-layout", contract, "-").stdout)
    assert re.search(r"人民币[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]+元", text)
    assert re.search(r"\d{1,3}(,\d{3})*\.\d{2}元", text)
    for word in ("甲方", "乙方", "验收", "转包", "违约", "争议", "个人信息", "未成年人", "公开", "签署"):
        assert word in text, word
    assert walked["pages"] == int(re.search(r"Pages:\s+(\d+)", run("pdfinfo", contract).stdout)[1])


def test_the_file_on_disk_is_the_file_that_was_named(contract, walked):
    digest = run("sha256sum", contract).stdout.split()[0]
    assert digest == walked["sha256"]
