"""What `pulumi up` runs, as a process of its own: what a person reads when it ends otherwise than well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import os, runpy, signal, sys, time, types
import pulumi

def declare():
    {declares}

sys.modules["architectures"] = types.ModuleType("architectures")
sys.modules["architectures"].declare = declare
runpy.run_path({program!r}, run_name="__main__")
"""


def _ended(declares: str) -> tuple[int, str]:
    """The exit code and all that is said where the architecture declares this."""
    program = _PROGRAM.format(declares=declares, program=str(ROOT / "__main__.py"))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_mistake_in_the_stack_file_is_told_and_nothing_more() -> None:
    """To 32 the engine adds nothing; to any other code that an unhandled error has occurred."""
    mistake = "slipway:product.domian: unknown key; did you mean 'domain'?"
    code, said = _ended(f"raise pulumi.RunError({mistake!r})")
    assert code == 32
    assert said.count(mistake) == 1
    assert "Traceback" not in said


def test_whoever_interrupts_it_reads_no_traceback() -> None:
    """So the engine ends a program when an update fails, and so does Ctrl-C."""
    assert _ended("print('declared'); os.kill(os.getpid(), signal.SIGINT); time.sleep(50)") == (32, "declared\n")
