"""`python -m plan --stack NAME`: what a stack is made of, costs and needs, without an account."""

from __future__ import annotations

import gc

gc.disable()  # what the providers' packages load lives to the end: collecting meanwhile costs a third of the time

import argparse  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from settings.problems import SettingsError  # noqa: E402

FINE, BAD_INPUT, POLICY = 0, 1, 2
"""Exit codes: fine (with warnings, too), a stack file or program with mistakes, findings that are errors."""


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="plan", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack: the NAME of Pulumi.NAME.yaml")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    parser.add_argument("--files", action="store_true", help="show what is in each file")
    parser.add_argument("--colour", choices=("auto", "always", "never"), default="auto")
    given = parser.parse_args(arguments)
    from plan.build import make_plan
    from plan.program import ProgramError

    try:
        plan = make_plan(given.stack)
    except (SettingsError, ProgramError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if given.format == "json":
        from plan import machine

        text = machine.render(plan, show_files=given.files)
    elif given.format == "markdown":
        from plan import markdown

        text = markdown.render(plan, show_files=given.files)
    else:
        from plan import text as terminal
        from plan.style import style_for

        text = terminal.render(plan, style_for(given.colour, sys.stdout), show_files=given.files)
    sys.stdout.write(text)
    sys.stdout.flush()
    return POLICY if plan.errors else FINE


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(
        code
    )  # nothing is left to do; taking thousands of the providers' modules apart would take a tenth of a second
