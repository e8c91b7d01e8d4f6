"""`make release STACK=… COMMIT=…` or `IMAGES=…`: put the release into the stack file and bring the stack up."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from scripts import platform_api
from scripts.arguments import Parser
from scripts.changes import only_of_the_release
from scripts.pulumi_cli import CtrlCError, OperatorError, command_line, outputs, pulumi
from scripts.registry import resolve
from scripts.stack import APP_KIND, existing, kind_of, serving
from scripts.stack_release import Release, write, written

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REFERENCE = re.compile(r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
WANTED = "IMAGES='<image>=<tag or digest> …', or VERSION=<tag> for all"


@dataclass(frozen=True)
class Failed:
    """An update that failed: what was to be released, what the stack file named before, and what serves now; `silence`
    is why nobody says that."""

    stack: str
    is_app: bool
    wanted: Release
    before: Release
    now: Release | None = None
    silence: str = ""


def release(stack: str, commit: str = "", images: str = "", version: str = "") -> None:
    """Release what is named on `stack`, and change nothing else of it. Where that can't be or `pulumi up` fails, the
    stack file names what the hosts serve."""
    if commit and not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise OperatorError(
            f"COMMIT={commit!r} is not a whole commit: 40 hexadecimal digits, as `git rev-parse HEAD` has"
        )
    said = [name for name, value in (("COMMIT", commit), ("IMAGES", images), ("VERSION", version)) if value]
    if not said:
        raise OperatorError(f"what is to be released? COMMIT=<40 hexadecimal digits>, or {WANTED}")
    if len(said) > 1:
        raise OperatorError(f"{' and '.join(said)} say each what is to be released: leave all but one out")
    before = written(stack)
    if bool(before.images) == bool(commit):
        raise OperatorError(f"{stack} is released by {WANTED if commit else 'COMMIT=<40 hexadecimal digits>'}")
    wanted = Release(commit=commit) if commit else _of_images(before, images, version)
    is_app = kind_of(stack) == APP_KIND
    unchanged = _write_if_it_is_all(stack, wanted, before)
    ask_again = ["--replace", unchanged] if unchanged else []
    try:
        # without the outputs: of an update that fails the engine shows each as if it were gone
        pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", *ask_again, "--stack", stack)
    except (OperatorError, KeyboardInterrupt):
        failed = serving_after_failure(Failed(stack, is_app, wanted, before))
        settle(failed)
        raise OperatorError(describe(failed)) from None
    if is_app:
        _verified(stack, wanted, before)
    print(f"{stack} runs {wanted}, and its stack file says so: keep it")


def _write_if_it_is_all(stack: str, wanted: Release, before: Release) -> str | None:
    """Have the stack file name what is wanted; not where more than that would change, which is looked at here. What is
    to be asked of the hosts again, though the engine has asked for it (see only_of_the_release)."""
    try:
        write(stack, wanted)
        return only_of_the_release(stack)
    except (OperatorError, KeyboardInterrupt) as error:
        write(stack, before)
        if isinstance(error, CtrlCError | KeyboardInterrupt):
            raise OperatorError(f"interrupted: {stack} is as it was") from None
        raise


def _verified(stack: str, wanted: Release, before: Release) -> None:
    """A platform says that it has deployed: see what serves, and whether it is well from outside."""
    now = platform_api.serving(stack, (wanted, before))
    if not now.is_(wanted):
        write(stack, now)
        raise OperatorError(f"{wanted} was not released: {stack} runs {now}, and its stack file says so again")
    try:
        platform_api.wait_until_well(str(outputs(stack)["health"]))
    except OperatorError as error:
        raise OperatorError(f"{wanted} was released and serves, but is not well: {error}") from None


def _of_images(before: Release, images: str, version: str) -> Release:
    """The release before, but for what is named. A tag is asked for at the registry here, once and for all."""
    named = dict.fromkeys(before.images, version) if version else _parsed(images)
    refs, tags = dict(before.images), dict(before.versions)
    for name, value in named.items():
        if name not in before.images:
            known = ", ".join(sorted(before.images))
            raise OperatorError(f"IMAGES: there is no image {name!r} in release.images, which has {known}")
        repository = before.images[name].partition("@")[0]
        tags.pop(name, None)
        if REFERENCE.fullmatch(value):
            refs[name] = value
        elif DIGEST.fullmatch(value):
            refs[name] = f"{repository}@{value}"
        elif TAG.fullmatch(value):
            refs[name], tags[name] = resolve(repository, value), value
            print(f"{name} {value} is {refs[name]}")
        else:
            raise OperatorError(f"{name}={value!r} is no tag such as 1.9.0, and no digest such as sha256:…")
    return Release(images=refs, versions=tags)


def _parsed(text: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if name in named:
            raise OperatorError(f"IMAGES: {name} is there twice, should be once")
        if not (equals and name and value):
            raise OperatorError(f"IMAGES: {word!r} is no image with its tag or digest, as in backend=1.9.0")
        named[name] = value
    return named


def serving_after_failure(failed: Failed) -> Failed:
    """Ask who serves: an update can fail after its release succeeded, and a lost connection says nothing about it."""
    stack, known = failed.stack, (failed.wanted, failed.before)
    try:
        now = platform_api.serving(stack, known) if failed.is_app else serving(stack)
    except (OperatorError, KeyError, ValueError) as error:
        return replace(failed, silence=str(error))
    return replace(failed, now=now)


def settle(failed: Failed) -> None:
    """Have the stack file name what serves, where somebody says so."""
    if failed.now is not None and not failed.now.is_(failed.wanted):
        write(failed.stack, failed.now)


def describe(failed: Failed) -> str:
    """What became of the release, and what the stack file names, in one line."""
    stack, wanted, before, now = failed.stack, failed.wanted, failed.before, failed.now
    if now is None:
        host = "the host did not say what it serves"
        who = f"the platform did not say what it serves ({failed.silence})" if failed.is_app else host
        see = "the app's deployments in its console" if failed.is_app else "`sudo slipway status` on the host"
        return f"the update failed, and {who}: the stack file names {wanted} now, {before} before; see {see}"
    if now.is_(wanted):
        return f"{wanted} was released, but the update failed after it: run `pulumi up -s {stack}` again"
    returned = "the platform has returned to the deployment before: " if failed.is_app else ""
    return f"{wanted} was not released: {returned}{stack} still runs {now}, and its stack file says so again"


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--commit", default="")
    parser.add_argument("--images", default="")
    parser.add_argument("--version", default="")
    given = parser.parse_args()
    return command_line(lambda: release(existing(given.stack), given.commit, given.images, given.version))


if __name__ == "__main__":
    raise SystemExit(main())
