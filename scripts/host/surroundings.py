"""What the machine's owner set for every program on it: /etc/environment (a proxy, certificates to be trusted)."""

from __future__ import annotations

from pathlib import Path

_FILE = Path("/etc/environment")
_OURS = frozenset(
    {"PATH", "HOME", "USER", "LANG", "LC_ALL", "IFS", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "BASH_ENV", "ENV"}
)


def surroundings(file: Path = _FILE) -> dict[str, str]:
    """The variables of `file` as pam_env reads it: KEY=value, quotes around the value taken off, `export` allowed.

    What decides which program runs is left out: that is for us to say.
    """
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and not key.startswith("#") and key.isidentifier() and key not in _OURS:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[key] = value[1:-1] if quoted else value
    return found
