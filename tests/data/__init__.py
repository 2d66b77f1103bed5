"""Real rows and clerks' sheets; README.md says what may be done with them."""

from pathlib import Path

DATA = Path(__file__).parent
SHEETS = DATA / "sheets"
