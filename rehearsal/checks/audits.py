"""Check 9: what well-known auditors say."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from rehearsal.checks.check import Result
from rehearsal.checks.scene import Scene, run_quietly

LEAST_HARDENING = 80
MOST_EXPOSURE = 4.0


def auditors_are_content(scene: Scene, result: Result) -> None:
    """Check 9."""
    _ssh(scene, result)
    _tls(scene, result)
    _lynis(scene, result)
    _units(scene, result)
    for what in (
        "the kernel's own settings, which a container shares with this machine",
        "swap",
        "time synchronisation",
        "disk encryption",
    ):
        result.cannot(f"not shown by a container: {what}")


def _installed(program: str, result: Result) -> bool:
    return result.expect(f"{program} is installed (make tools)", shutil.which(program) is not None)


def _ssh(scene: Scene, result: Result) -> None:
    program = str(Path(sys.executable).with_name("ssh-audit"))  # pinned with the other developers' packages
    asked = [program, "--level", "warn", "--no-colors", "--skip-rate-test", scene.visitor.address]
    audit = run_quietly(asked)
    found = [line for line in audit.stdout.splitlines() if re.search(r"\[(warn|fail)\]", line)]
    result.expect(
        "ssh-audit warns of nothing", not found and audit.returncode == 0, found or audit.stdout + audit.stderr
    )


def _tls(scene: Scene, result: Result) -> None:
    program = "testssl" if shutil.which("testssl") else "testssl.sh"
    if not _installed(program, result):
        return
    report = scene.directory / "testssl.json"
    report.unlink(missing_ok=True)
    run_quietly(
        [
            program,
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--fast",
            "--add-ca",
            str(scene.authority),
            "--ip",
            scene.visitor.address,
            "--jsonfile",
            str(report),
            "--severity",
            "MEDIUM",
            scene.visitor.name,
        ]
    )
    found = json.loads(report.read_text()) if report.exists() else None
    result.expect("testssl.sh ran", found is not None)
    if found is not None:
        grave = [
            f"{entry['id']}: {entry['finding']}"
            for entry in found
            if entry["severity"] in ("MEDIUM", "HIGH", "CRITICAL")
        ]
        local = [
            line
            for line in grave
            if re.match(r"cert_(crlDistributionPoints|revocation|chain_of_trust|validityPeriod)|OCSP", line)
        ]
        for line in local:
            result.cannot(f"of the test authority's certificate, not of the server: {line}")
        # It asks without a cookie, and an answer that knows nobody has no secret to guess.
        guessed = (
            [line for line in grave if line.startswith("BREACH: ")] if _tells_nobody_in_gzip(scene, result) else []
        )
        for line in guessed:
            result.cannot(f"of answers to strangers alone, seen above: {line}")
        others = sorted(set(grave) - set(local) - set(guessed))
        result.expect("testssl.sh finds nothing above low", not others, others)


def _tells_nobody_in_gzip(scene: Scene, result: Result) -> bool:
    """Whether what a service answers is compressed for strangers at most: BREACH guesses a secret by the length."""
    product = scene.settings.product
    routes = [route for route in product.routes if route.host is None and not route.streaming]
    paths = [route.path for route in routes if product.services[route.service].role == "web"]
    told = {
        f"{path} with {name}": scene.visitor.https(path, headers={"Accept-Encoding": "gzip", name: "Bearer x"}).headers
        for path in [*paths, scene.health_path]
        for name in ("Cookie", "Authorization")
    }
    compressed = [asked for asked, headers in told.items() if "content-encoding" in headers]
    return result.expect("what a service says to somebody it knows is not compressed", not compressed, compressed)


_NOT_IN_A_CONTAINER = {
    "USB-3000": "USB devices, which are this machine's",
    "KRNL-6000": "the kernel's settings: a local host sets those of its own network, the others are this machine's",
}
"""Tests of lynis that look at this machine through the container, and what they would look at."""


def _lynis(scene: Scene, result: Result) -> None:
    scene.root(
        "bash",
        "-c",
        "command -v lynis > /dev/null || "
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends lynis",
    )
    profile = "".join(f"skip-test={test}\n" for test in _NOT_IN_A_CONTAINER)
    scene.root("tee", "/etc/lynis/custom.prf", input=profile)
    scene.root("lynis", "audit", "system", "--quick", "--no-colors", "--quiet")
    report = scene.root("grep", "-E", "^(hardening_index|suggestion|warning)", "/var/log/lynis-report.dat").stdout
    match = re.search(r"hardening_index=(\d+)", report)
    index = int(match[1]) if match else 0
    result.expect(f"lynis' hardening index is {index}, at least {LEAST_HARDENING}", index >= LEAST_HARDENING, report)
    for test, what in _NOT_IN_A_CONTAINER.items():
        result.cannot(f"left out of lynis' index ({test}): {what}")


def _units(scene: Scene, result: Result) -> None:
    names = scene.root(
        "bash", "-c", "grep -lis slipway /etc/systemd/system/*.service | xargs -r -n1 basename"
    ).stdout.split()
    units = [name for name in names if not name.endswith("@.service")]
    result.expect("there are units of ours", bool(units), names)
    for unit in units:
        said = scene.root("systemd-analyze", "security", "--no-pager", unit).stdout
        match = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        level = float(match[1]) if match else 10.0
        result.expect(
            f"systemd-analyze security {unit}: {level}, at most {MOST_EXPOSURE}", level <= MOST_EXPOSURE, said[-1500:]
        )
