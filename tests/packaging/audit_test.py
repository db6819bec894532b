"""The audit of the pinned versions, with a stand-in for `pip_audit`, which asks a service on the internet."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

AUDIT = pathlib.Path(__file__).parents[2] / ".ci" / "audit.py"
SAFE = {"name": "numpy", "version": "2.4.6", "vulns": []}
VULNERABLE = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.0"]}]}
SKIPPED = {"name": "own", "skip_reason": "not found"}


class AuditTest:
    @pytest.mark.parametrize(
        "packages, code, printed",
        [
            ([SAFE], 0, "0 known vulnerabilities in 1 packages\n"),
            ([SAFE, VULNERABLE], 1, "pillow 1.0: CVE-1, fixed in 2.0\n1 known vulnerabilities in 2 packages\n"),
            ([SAFE, SKIPPED], 2, "not audited: own: not found\n0 known vulnerabilities in 1 packages\n"),
            (None, 2, "No advisory service answered, so that nothing was audited: ConnectionError: refused\n"),
        ],
    )
    def test_exit_code_says_whether_everything_was_audited_and_safe(self, packages, code, printed, tmp_path):
        says = "raise SystemExit('ConnectionError: refused')"
        if packages is not None:
            says = f"print({json.dumps(json.dumps({'dependencies': packages}))})"
        (tmp_path / "pip_audit.py").write_text(says)
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, AUDIT, "requirements.lock"]
        done = subprocess.run(command, env=environment, text=True, capture_output=True)
        assert done.returncode == code and done.stderr + done.stdout == printed
