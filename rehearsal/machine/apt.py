"""This machine's apt settings, fitted to the distribution that a local host runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from rehearsal.machine.trust import HOST_BUNDLE

# How to fetch is inherited; what to do with packages afterwards is the distribution's own business.
_INHERITED = re.compile(r"^Acquire::(http|https|Retries|Check-Valid-Until|Check-Date|ForceIPv[46]|Languages)\b", re.I)
_SETTING = re.compile(r'^(?P<key>[^ ]+) "(?P<value>.*)";$')
_KEYRING = {
    "debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}


def configuration() -> str:
    """An apt.conf with this machine's proxies, retries and clock leniency; empty where there is no apt."""
    if not shutil.which("apt-config"):
        return ""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return filtered(dump)


def filtered(dump: str) -> str:
    """The inherited part of `apt-config dump`, with certificate files led to the host's own bundle."""
    lines = []
    for line in dump.splitlines():
        setting = _SETTING.match(line)
        if not setting or not _INHERITED.match(setting["key"]) or not setting["value"]:
            continue
        key, value = setting["key"], setting["value"]
        if key.lower().endswith("::cainfo"):
            value = HOST_BUNDLE
        elif "auto-detect" in key.lower() or value.startswith("/"):
            continue  # names a program or file of this machine
        lines.append(f'{key} "{value}";')
    return "".join(f"{line}\n" for line in lines)


def sources(distribution: str, codename: str) -> tuple[str, ...]:
    """One-line apt sources for the host: this machine's mirrors where it runs the same distribution, else none."""
    release = _os_release()
    if release.get("ID") != distribution or "VERSION_CODENAME" not in release:
        return ()
    entries: list[tuple[str, str, str]] = []
    for path in _source_files():
        text = path.read_text(errors="replace")
        entries += _deb822(text) if path.suffix == ".sources" else _one_line(text)
    return adapted(entries, release["VERSION_CODENAME"], codename, _KEYRING[distribution])


def adapted(entries: Iterable[tuple[str, str, str]], ours: str, theirs: str, keyring: str) -> tuple[str, ...]:
    """Entries (URI, suite, components) of our own release, moved to theirs. Other people's repositories stay behind."""
    lines = []
    for uri, suite, components in entries:
        name, dash, pocket = suite.partition("-")
        if name == ours and pocket in ("", "updates", "security") and not uri.startswith(("file:", "cdrom:", "copy:")):
            kept = " ".join(word for word in components.split() if word in ("main", "universe"))
            lines.append(f"deb [signed-by={keyring}] {uri} {theirs}{dash}{pocket} {kept or 'main'}")
    return tuple(dict.fromkeys(lines))


def _os_release() -> dict[str, str]:
    path = Path("/etc/os-release")
    pairs = (line.partition("=") for line in path.read_text().splitlines()) if path.exists() else ()
    return {key: value.strip('"') for key, _, value in pairs}


def _source_files() -> list[Path]:
    directory = Path("/etc/apt")
    found = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*.list"))]
    return [path for path in [*found, *sorted((directory / "sources.list.d").glob("*.sources"))] if path.is_file()]


def _one_line(text: str) -> list[tuple[str, str, str]]:
    pattern = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)$", re.MULTILINE)
    return [(found["uri"], found["suite"], found["components"].split("#")[0]) for found in pattern.finditer(text)]


def _deb822(text: str) -> list[tuple[str, str, str]]:
    entries = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = _fields(paragraph)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            entries += [(uri, suite, fields.get("components", "")) for suite in fields.get("suites", "").split()]
    return entries


def _fields(paragraph: str) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
