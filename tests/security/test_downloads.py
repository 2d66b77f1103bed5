"""Tables as files: no cell runs as a formula, and a number stays the number that the page shows."""

import csv
import io

import pytest

from marketplace.web.downloads import spreadsheet


@pytest.mark.parametrize(("cell", "kept"), [
    ("-78.9", "-78.9"), ("+2.0", "+2.0"), ("-12%", "-12%"), ("0.9", "0.9"),
    ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"), ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("@SUM(A1)", "'@SUM(A1)"),
    ("-", "'-"), ("-1\n=1+1", "'-1\n=1+1"), ("\t=1", "'\t=1"), ("-１", "'-１"),
])
def test_a_cell_is_no_formula_and_a_signed_number_stays_one(app, cell, kept):
    with app.test_request_context():
        answer = spreadsheet([["头"], [cell]], kind="csv", name="t", sheet="t")
    assert list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline=""))) == [["头"], [kept]]
