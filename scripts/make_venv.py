"""Make a virtual environment, whatever of it this machine lacks: `make_venv.py DIRECTORY`.

Debian and Ubuntu keep `ensurepip` in a package of its own; as root it is installed, else the command is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

MINIMUM = (3, 11)


def main(directory: Path) -> int:
    """Make the environment at `directory`; 1 with one line of reason where that can't be."""
    if sys.version_info < MINIMUM:
        print(
            f"Python {sys.version.split()[0]} is too old: slipway needs {'.'.join(map(str, MINIMUM))} or newer",
            file=sys.stderr,
        )
        return 1
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if os.geteuid() != 0:
            print(f"Python's venv is incomplete: sudo apt-get install {package}", file=sys.stderr)
            return 1
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)
    venv.create(directory, with_pip=True, symlinks=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
