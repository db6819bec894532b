"""Asks an advisory service for known vulnerabilities of the versions in a lock file.

    python .ci/audit.py requirements.lock

Exit code 0 if there are none, 1 if there are some, 2 if the service could not be asked about every package.
"""

import json
import subprocess
import sys


def main(lock):
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement", lock]
    command += ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off"]
    asked = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (asked.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"No advisory service answered, so that nothing was audited: {reason}", file=sys.stderr)
        return 2
    skipped = [package for package in packages if "skip_reason" in package]
    found = [(package, each) for package in packages for each in package.get("vulns", ())]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}")
    for package in skipped:
        print(f"not audited: {package['name']}: {package['skip_reason']}", file=sys.stderr)
    print(f"{len(found)} known vulnerabilities in {len(packages) - len(skipped)} packages")
    return 1 if found else 2 if skipped or not packages else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
