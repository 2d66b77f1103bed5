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
STAGES: dict[str, list[str]] = {
    IMPORTS: ["-n0", "--collect-only", "-qqq"],
    "architecture": ["-n0", "tests/architecture", "-m", NOT_SPECIAL],
    "units and journeys": ["-n2", "--ignore=tests/architecture", "-m", NOT_SPECIAL],
    "races, round 1": ["-n0", "-m", "race"],
    "races, round 2": ["-n0", "-m", "race"],
    "browser": ["-n0", "-m", "browser"],
    **{name: ["-n0", "-m", name] for name in ("torture", "pages", "documents", "cluster")},
}
Step = tuple[tuple[str, ...], ...]         # rows that run side by side; the stages of a row run one after the other
DEFAULT: tuple[Step, ...] = (
    ((IMPORTS,),),
    (("architecture", "browser"), ("races, round 1", "races, round 2")),     # each leaves the other core idle
    (("units and journeys",),),
)
SUITES: dict[str, tuple[Step, ...]] = {
    "default": DEFAULT,
    **{name: (((name,),),) for name in ("torture", "pages", "documents", "cluster")},
    "all": (*DEFAULT, (("documents", "pages"), ("torture", "cluster"))),
}
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


def run_row(stages: tuple[str, ...], extra: list[str], *, is_live: bool) -> tuple[int, int]:
    """Run some stages one after the other, each with the tools it needs; return (passed, failed)."""
    passed = failed = 0
    for name in stages:
        for tools in TOOLS.get(name, ()):
            tools()
        more = run_stage(name, [*STAGES[name], *extra], is_live=is_live)
        passed, failed = passed + more[0], failed + more[1]
    return passed, failed


def run_suite(steps: tuple[Step, ...], extra: list[str]) -> tuple[int, int]:
    """Run the steps of a suite; return (passed, failed). Nothing follows test modules that cannot be imported."""
    passed = failed = 0
    for step in steps:
        with ThreadPoolExecutor(len(step)) as rows:
            found = list(rows.map(lambda row: run_row(row, extra, is_live=len(step) == 1), step))  # noqa: B023
        passed, failed = passed + sum(one[0] for one in found), failed + sum(one[1] for one in found)
        if failed and step == ((IMPORTS,),):
            break
    return passed, failed


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


TOOLS = {"pages": (node_tools,), "documents": (java_tools, go_tools, ledger_tools)}


def main(words: list[str]) -> int:
    """Run the suites asked for."""
    os.environ.setdefault("PYTHONHASHSEED", "random")
    if words and words[0] not in SUITES:
        return subprocess.call([sys.executable, "-m", "pytest", *words], cwd=ROOT)
    passed, failed = run_suite(SUITES[words[0] if words else "default"], words[1:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
