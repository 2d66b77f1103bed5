"""`./bench [names] [--json] [--quick]`: runs the benchmarks one after the other and prints their ratios."""

import argparse
import importlib
import json
import sys
from pathlib import Path


def names() -> list[str]:
    """Return every benchmark, by file name."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def main() -> int:
    """Run and print; an unknown name ends with 2, a missed bound with 0."""
    parser = argparse.ArgumentParser(prog="./bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that every benchmark runs")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(names())
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    rows: list[dict[str, object]] = []
    for name in asked.names or names():
        print(f"# {name} ...", file=sys.stderr)
        made = importlib.import_module(f"benchmarks.{name}").run(asked.quick)
        rows.extend(made)
        if not asked.json:
            for row in made:
                print_row(row)
    if asked.json:
        print(json.dumps(rows, ensure_ascii=False))
    return 0


def print_row(row: dict[str, object]) -> None:
    """Print one figure in words."""
    ratio = f"  = {row['ratio']:.2f} x {row['to']}" if isinstance(row.get("ratio"), (int, float)) else ""
    verdict = "" if row.get("met") is None else ("  met" if row["met"] else "  MISSED")
    value = f"{row['value']:.4g}" if isinstance(row["value"], float) else row["value"]
    print(f"{row['name']}: {value} {row['unit']}{ratio}  (bound {row.get('bound')}){verdict}")


if __name__ == "__main__":
    raise SystemExit(main())
