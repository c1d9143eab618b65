"""The suite of Dagster's community for clients of Pipes, all of its tests in one run.

python parity/dagster_golden.py CHECKOUT [pytest options]
(needs dagster, dagster-aws, moto, boto3, pyserde, pytest-cases, pytest below 8.4; a built program)

CHECKOUT is one of dagster-io/community-integrations: the suite is its libraries/pipes/tests/dagster-pipes-tests, which is
published nowhere. Its tests start `zeroth pipes selftest`. Ends with what pytest says, and with 1 where fewer tests ran
than the suite has.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = "libraries/pipes/tests/dagster-pipes-tests/src"
# Tests of the suite at the capabilities below; a newer suite may have more.
LEAST = 63

CAPABILITIES = """
[general]
error_reporting = true

[messages]
log = true
report_custom_message = true
report_asset_materialization = true
report_asset_check = true
log_external_stream = true

[message_channel]
s3 = true
databricks = false
"""

TESTS = """
from dagster_pipes_tests import PipesTestSuite


class TestZeroth(PipesTestSuite):
    BASE_ARGS = ["node", {program!r}, "pipes", "selftest"]
"""


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    source = Path(sys.argv[1]).resolve()
    suite = source if (source / "dagster_pipes_tests").is_dir() else source / SUITE
    if not (suite / "dagster_pipes_tests").is_dir():
        sys.exit(f"{source}: no checkout of dagster-io/community-integrations: {SUITE} is not in it")
    version = importlib.metadata.version("pytest")
    if tuple(int(part) for part in version.split(".")[:2]) >= (8, 4):
        sys.exit(f"pytest {version}: the suite's cases need one below 8.4")
    folder = Path(tempfile.mkdtemp(prefix="zeroth-golden-"))
    try:
        (folder / "pipes.toml").write_text(CAPABILITIES)
        (folder / "test_zeroth.py").write_text(TESTS.format(program=str(ROOT / "bin" / "zeroth.js")))
        # The suite asks for files of its own by their places from where pytest runs.
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(suite), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "pytest", "-p", "dagster_pipes_tests", "-q", "-W", "ignore", *sys.argv[2:]]
        run = subprocess.run([*command, "test_zeroth.py"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
        print(run.stdout)
        passed = int((re.findall(r"(\d+) passed", run.stdout) or ["0"])[-1])
        whole = len(sys.argv) > 2 or passed >= LEAST
        if not whole:
            print(f"{passed} tests passed; the suite has {LEAST}")
        return run.returncode or (0 if whole else 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
