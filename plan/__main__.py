"""`python -m plan --stack NAME`: what a stack is made of, costs and needs; or the way there from another stack."""

from __future__ import annotations

import gc

gc.disable()  # what the providers' packages load lives to the end: collecting meanwhile costs a third of the time

import argparse  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from scripts.arguments import Parser, one_of  # noqa: E402
from settings.problems import SettingsError  # noqa: E402

if TYPE_CHECKING:
    from plan.build import Plan
    from plan.moving.move import Move

FINE, BAD_INPUT, POLICY = 0, 1, 2
"""Exit codes: fine (with warnings, too), a stack file or program with mistakes, findings that are errors."""


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    parser = Parser(prog="plan", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack: the NAME of Pulumi.NAME.yaml")
    parser.add_argument("--from", dest="origin", metavar="STACK", help="the stack that the product moves from")
    parser.add_argument("--base", metavar="DIRECTORY", help="another checkout: say what changes against it, too")
    parser.add_argument("--format", type=one_of("text", "markdown", "json"), default="text")
    parser.add_argument("--files", action="store_true", help="show what is in each file")
    parser.add_argument("--colour", type=one_of("auto", "always", "never"), default="auto")
    given = parser.parse_args(arguments)
    if given.base and (given.origin or given.format == "json"):
        parser.error("BASE goes with FORMAT=text or markdown, and without FROM")
    from plan.build import make_plan
    from plan.program import ProgramError

    try:
        if given.origin:
            from plan.moving.derive import make_move

            move = make_move(given.origin, given.stack)
            shown, plan = _rendered_move(move, given), move.after
        else:
            plan = make_plan(given.stack)
            shown = _changes(plan, given) + _rendered(plan, given)
    except (SettingsError, ProgramError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    _write(shown)
    return POLICY if plan.errors else FINE


def _changes(plan: Plan, given: argparse.Namespace) -> str:
    """What is different from the plan of another checkout, where one is given."""
    if not given.base:
        return ""
    from plan import change, machine
    from plan.program import ProgramError

    try:
        before = change.document_of(given.stack, Path(given.base))
        told = "\n".join(change.lines(before, machine.document(plan, show_files=True)))
    except ProgramError as error:
        told = f"Not compared: {error}"
    return f"#### What changes in `{plan.settings.name}`\n\n{told}\n\n"


def _rendered(plan: Plan, given: argparse.Namespace) -> str:
    if given.format == "json":
        from plan import machine

        return machine.render(plan, show_files=given.files)
    if given.format == "markdown":
        from plan import markdown

        return markdown.render(plan, show_files=given.files)
    from plan import text
    from plan.style import style_for

    return text.render(plan, style_for(given.colour, sys.stdout), show_files=given.files)


def _rendered_move(move: Move, given: argparse.Namespace) -> str:
    if given.format == "json":
        from plan.moving import machine

        return machine.render(move)
    if given.format == "markdown":
        from plan.moving import markdown

        return markdown.render(move)
    from plan.moving import text
    from plan.style import style_for

    return text.render(move, style_for(given.colour, sys.stdout))


def _write(text: str) -> None:
    """To standard output, whatever its encoding can't say; who reads only the first lines of it is no error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    code = main()
    os._exit(code)  # nothing is left to do, and taking the providers' modules apart would take a tenth of a second
