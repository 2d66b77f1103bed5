"""Runs the test suites by name and closes with `N passed, N failed`."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_SPECIAL = "not race and not browser and not torture and not pages and not documents and not cluster"
IMPORTS = "every test module imports"      # seconds, and without it nothing else need begin
STAGES: dict[str, list[tuple[str, list[str]]]] = {
    "default": [
        (IMPORTS, ["-n0", "--collect-only", "-qqq"]),
        ("architecture", ["-n0", "tests/architecture", "-m", NOT_SPECIAL]),
        ("units and journeys", ["-n2", "--ignore=tests/architecture", "-m", NOT_SPECIAL]),
        ("races, round 1", ["-n0", "-m", "race"]),
        ("races, round 2", ["-n0", "-m", "race"]),
        ("browser", ["-n0", "-m", "browser"]),
    ],
    "torture": [("torture", ["-n0", "-m", "torture"])],
    "pages": [("pages", ["-n0", "-m", "pages"])],
    "documents": [("documents", ["-n0", "-m", "documents"])],
    "cluster": [("cluster", ["-n0", "-m", "cluster"])],
}
ALL = ("default", "documents", "pages", "torture", "cluster")
BESIDE = ("torture", "cluster")          # of all: run beside documents and pages, since one browser leaves a core idle
NOTHING_COLLECTED = 5
_COUNT = re.compile(r"(\d+) (passed|failed|error|errors|skipped)\b")


def run_stage(name: str, words: list[str], *, is_live: bool = True) -> tuple[int, int]:
    """Run pytest once; return (passed, failed). A skipped test counts as failed: nothing is skipped silently.

    What is not live is printed as a whole when it ends.
    """
    said: list[str] = [f"== {name}\n"]
    if is_live:
        print(said.pop(), end="", flush=True)
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "pytest", *words], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    last = ""
    assert process.stdout is not None
    for line in process.stdout:
        if is_live:
            print(line, end="", flush=True)
        else:
            said.append(line)
        if _COUNT.search(line) and " in " in line:
            last = line
    code = process.wait()
    counts = {"passed": 0, "failed": 0}
    for number, what in _COUNT.findall(last):
        counts["passed" if what == "passed" else "failed"] += int(number)
    if code == NOTHING_COLLECTED:
        said.append(f"(no test belongs to {name} yet)\n")
    elif code and not counts["failed"]:
        counts["failed"] = 1
    seconds = time.monotonic() - began
    print("".join(said) + f"== {name}: {counts['passed']} passed, {counts['failed']} failed, {seconds:.0f} s", flush=True)
    return counts["passed"], counts["failed"]


def run_suites(suites: tuple[str, ...], extra: list[str], *, is_live: bool = True) -> tuple[int, int]:
    """Run some suites one after the other, each with the tools it needs; return (passed, failed)."""
    passed = failed = 0
    for suite in suites:
        if suite == "pages":
            node_tools()
        if suite == "documents":
            java_tools()
            go_tools()
            ledger_tools()
        for name, arguments in STAGES[suite]:
            more = run_stage(name, [*arguments, *extra], is_live=is_live)
            passed, failed = passed + more[0], failed + more[1]
            if name == IMPORTS and failed:
                return passed, failed
    return passed, failed


def run_all(extra: list[str]) -> tuple[int, int]:
    """Run everything: the default suite alone, then the rest side by side in two rows."""
    first = run_suites(("default",), extra)
    if not first[0]:
        return first
    with ThreadPoolExecutor(1) as row:
        other = row.submit(run_suites, BESIDE, extra, is_live=False)
        second = run_suites(tuple(one for one in ALL if one not in ("default", *BESIDE)), extra)
        third = other.result()
    return first[0] + second[0] + third[0], first[1] + second[1] + third[1]


def node_tools() -> None:
    """Install html-validate for the pages suite from the locked package list."""
    if (ROOT / "node_modules" / ".package-lock.json").exists():
        return
    import shutil
    if shutil.which("npm") is None:
        script = ". tools/setup.sh; apt_install nodejs npm"
        subprocess.run(["sh", "-eu", "-c", script], cwd=ROOT, check=True)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run(["npm", "ci", *quiet], cwd=ROOT, check=True)


def ledger_tools() -> None:
    """Install hledger, which checks the exported ledger in the documents suite."""
    import shutil
    if shutil.which("hledger") is None:
        subprocess.run(["sh", "-eu", "-c", ". tools/setup.sh; apt_install hledger"], cwd=ROOT, check=True)


def java_tools() -> None:
    """Install what brings and runs veraPDF for the documents suite."""
    import shutil
    missing = [package for program, package in (("java", "default-jdk-headless"), ("mvn", "maven"))
               if shutil.which(program) is None]
    if missing:
        subprocess.run(["sh", "-eu", "-c", f". tools/setup.sh; apt_install {' '.join(missing)}"], cwd=ROOT, check=True)


def go_tools() -> None:
    """Install Go, which builds Stripe's own request-checking mock for the documents suite."""
    import shutil
    if shutil.which("go") is None:
        subprocess.run(["sh", "-eu", "-c", ". tools/setup.sh; apt_install golang-go"], cwd=ROOT, check=True)


def main(words: list[str]) -> int:
    """Run the suites asked for."""
    os.environ.setdefault("PYTHONHASHSEED", "random")
    extra = words[1:] if words and (words[0] == "all" or words[0] in STAGES) else []
    if words and words[0] == "all":
        passed, failed = run_all(extra)
    elif words and words[0] not in STAGES:
        return subprocess.call([sys.executable, "-m", "pytest", *words], cwd=ROOT)
    else:
        passed, failed = run_suites((words[0] if words else "default",), extra)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
