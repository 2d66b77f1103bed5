"""The demo world of the default size with its index: seconds and memory of a real `flask demo build`, alone."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS_BOUND, MEGABYTES_BOUND = 60.0, 800.0
QUICK_SIZE = 40


def run(quick: bool = False) -> list[dict[str, object]]:
    """Return seconds and peak memory of building the world in an empty folder, in a child process."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["demo", "build", "--json", *(["--size", str(QUICK_SIZE)] if quick else [])]
        environment = {**os.environ, "MARKETPLACE_INSTANCE": folder, "DATABASE_URL": ""}
        done = subprocess.run([sys.executable, "-m", "flask", *words], cwd=ROOT, env=environment, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    report = json.loads(done.stdout.splitlines()[-1])
    what = f"demo world of {report['projects']} projects and {report['organizations']:,} organizations, with index"
    return [
        {"name": f"{what}: time", "value": report["seconds"], "unit": "s", "ratio": None, "to": None,
         "bound": SECONDS_BOUND, "met": report["seconds"] <= SECONDS_BOUND},
        {"name": f"{what}: memory", "value": report["peak_mb"], "unit": "MB", "ratio": None, "to": None,
         "bound": MEGABYTES_BOUND, "met": report["peak_mb"] <= MEGABYTES_BOUND},
    ]
