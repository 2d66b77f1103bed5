"""Reading a clerk's sheet as a careful person would: headings, merged cells, totals, amounts. Pure, no vendor.

`find_tables` guesses where the tables of a sheet are and what each column means; a person may change the guess;
`read_rows` then returns the rows with what could not be read, each fault with its place and the way to mend it.
"""

from marketplace.core.sheets.amounts import UNITS, amount_unit, read_amount
from marketplace.core.sheets.fields import Field, Kind, best_fields
from marketplace.core.sheets.grid import Grid, column_letter
from marketplace.core.sheets.heads import TableMap, find_tables, fingerprint, has_headings, make_table
from marketplace.core.sheets.rows import Fault, SheetRow, read_rows, read_workbook
from marketplace.core.sheets.text import clean_line, clean_text

__all__ = [
    "UNITS", "Fault", "Field", "Grid", "Kind", "SheetRow", "TableMap", "amount_unit", "best_fields", "clean_line",
    "clean_text", "column_letter", "find_tables", "fingerprint", "has_headings", "make_table", "read_amount",
    "read_rows", "read_workbook",
]
