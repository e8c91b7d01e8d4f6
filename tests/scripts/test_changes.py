"""What `make release` looks at first: whether the release is all that `pulumi up` would change."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from plan.build import ROOT, make_plan
from plan.machine import hidden
from policies.graph import Resource
from scripts import release
from scripts.pulumi_cli import OperatorError
from tests.scripts.fake_programs import Programs, programs

OLD, NEW = "a" * 40, "b" * 40
COMMAND = "slipway:host_setup:HostSetup$command:remote:Command"
APP = "slipway:app:App$digitalocean:index/app:App"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """One host, which serves OLD as the stack file says."""
    return programs(tmp_path, monkeypatch, {"commit": OLD})


def step(op: str, kind: str, name: str, old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    """One of the digest that `pulumi preview --json` prints."""
    states = {"oldState": {"inputs": old or {}, **more}, "newState": {"inputs": new or {}}}
    return {"op": op, "urn": f"urn:pulumi:shop::slipway::{kind}::{name}", "diffReasons": [], **states}


def previewed(resource: Resource, before: Resource) -> dict[str, Any]:
    old, new = (hidden(dict(one.inputs), one.secret_paths or frozenset()) for one in (before, resource))
    return {"op": "update", "urn": resource.urn, "oldState": {"inputs": old}, "newState": {"inputs": new}}


def refused(host: Programs, *steps: dict[str, Any]) -> list[str]:
    """The lines of the refusal. The stack file is as it was, and nothing was brought up."""
    host.put("preview", {"steps": list(steps)})
    with pytest.raises(OperatorError) as caught:
        release.release("shop", NEW)
    assert host.get("release") == {"commit": OLD}
    assert not [call for call in host.calls() if call[1] == "up"]
    return str(caught.value).splitlines()


@pytest.mark.parametrize("stack", ["familyflow", "devora-vps", "staging", "signupflow"])
def test_a_release_changes_one_resource_in_each_kind_and_is_let_through(
    host: Programs, stack: str, tmp_path: Path
) -> None:
    for file in ROOT.glob("Pulumi.*.yaml"):
        shutil.copy(file, tmp_path)
    before = {resource.urn: resource for resource in make_plan(stack, tmp_path).graph}
    file = tmp_path / f"Pulumi.{stack}.yaml"
    text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'7' * 64}", file.read_text())
    file.write_text(re.sub(r"(commit: )[0-9a-f]{40}", rf"\g<1>{NEW}", text))
    after = {resource.urn: resource for resource in make_plan(stack, tmp_path).graph}
    assert before.keys() == after.keys()
    changed = [urn for urn, resource in after.items() if resource.inputs != before[urn].inputs]
    assert len(changed) == 1
    host.put("preview", {"steps": [previewed(after[urn], before[urn]) for urn in changed]})
    release.release("shop", NEW)
    assert host.get("serving") == {"commit": NEW}


def test_it_costs_one_call_of_the_cli_and_none_of_a_host(host: Programs) -> None:
    release.release("shop", NEW)
    calls = [call[:3] for call in host.calls() if call[1] != "config"]
    assert calls == [["pulumi", "preview", "--json"], ["pulumi", "up", "--yes"]]


def test_what_the_engine_has_asked_for_already_is_asked_for_again(host: Programs) -> None:
    """After `make rollback` it would see nothing to do; hosts that serve it say so, and do nothing."""
    asked = step("same", COMMAND, "shop-host-release")
    host.put("preview", {"steps": [step("same", "pulumi:pulumi:Stack", "slipway-shop"), asked]})
    release.release("shop", NEW)
    urn = "urn:pulumi:shop::slipway::slipway:host_setup:HostSetup$command:remote:Command::shop-host-release"
    up = ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs"]
    assert host.calls()[-1] == [*up, "--replace", urn, "--stack", "shop"]
    assert "--show-sames" in next(call for call in host.calls() if call[1] == "preview"), (
        "else the engine tells of none"
    )


def test_a_platform_is_not_asked_again_for_what_it_has(host: Programs) -> None:
    host.put("preview", {"steps": [step("same", APP, "shop-app")]})
    release.release("shop", NEW)
    assert host.calls()[-1] == ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", "shop"]


def test_a_renamed_database_is_refused_before_anything_is_made(host: Programs) -> None:
    cluster = "slipway:database:Database$digitalocean:index/databaseCluster:DatabaseCluster"
    first, *lines = refused(
        host,
        step("same", "pulumi:pulumi:Stack", "slipway-shop"),
        step("update", COMMAND, "shop-host-release", {"stdin": "[secret]"}, {"stdin": "[secret]"}),
        step("create", cluster, "shop-db"),
        step("delete", cluster, "shop-database", protect=True),
    )
    assert first == "shop has changes that are no release: `pulumi up -s shop` first, which shows them"
    kind = "digitalocean:index/databaseCluster:DatabaseCluster"
    assert lines == [f"  create shop-db, {kind}", f"  delete shop-database, {kind}, which is protected"]


@pytest.mark.parametrize(
    ("op", "kind", "name", "old", "new", "line"),
    [
        ("update", COMMAND, "shop-host-apply", {"stdin": "[secret]", "a": 1}, {"stdin": "[secret]", "a": 2}, " (a)"),
        ("delete", COMMAND, "shop-host-release", {}, {}, ""),
        ("replace", COMMAND, "shop-host-release", {}, {}, ""),
        ("update", COMMAND, "shop-host-release", {"create": "a"}, {"create": "b"}, " (create)"),
        ("update", "command:local:Command", "other-release", {"stdin": "a"}, {"stdin": "b"}, " (stdin)"),
        ("update", APP, "shop-app", {"spec": {"services": [{"instanceCount": 4}]}},
         {"spec": {"services": [{"instanceCount": 1}]}}, " (spec)"),
    ],
)  # fmt: skip
def test_what_is_no_release_is_one_line(
    host: Programs, op: str, kind: str, name: str, old: Any, new: Any, line: str
) -> None:
    assert refused(host, step(op, kind, name, old, new))[1:] == [f"  {op} {name}, {kind.rpartition('$')[2]}{line}"]


def test_what_is_secret_is_told_by_its_key(host: Programs) -> None:
    apply = step("update", COMMAND, "shop-host-apply", {"stdin": "[secret]"}, {"stdin": "[secret]"})
    assert refused(host, {**apply, "diffReasons": ["stdin"]})[1] == (
        "  update shop-host-apply, command:remote:Command (stdin)"
    )


def test_the_release_of_an_update_that_failed_is_made_by_the_next_one(host: Programs) -> None:
    host.put("preview", {"steps": [step("create", COMMAND, "shop-host-release")]})
    release.release("shop", NEW)
    assert host.get("serving") == {"commit": NEW}


def test_another_token_is_no_change(host: Programs) -> None:
    host.put("preview", {"steps": [step("update", "pulumi:providers:digitalocean", "default_4_73_0")]})
    release.release("shop", NEW)
    assert host.get("serving") == {"commit": NEW}


def test_a_stack_that_has_never_been_up_is_brought_up_by_hand(host: Programs) -> None:
    [line] = refused(
        host, step("create", "pulumi:pulumi:Stack", "slipway-shop"), step("create", COMMAND, "shop-host-release")
    )
    assert line == "shop has never been up: `pulumi up -s shop` makes it, and releases what is in its file"


def test_a_preview_that_fails_says_what_the_engine_said(host: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    host.happens("preview fails")
    error = {"severity": "error", "message": "slipway:access.admin_cidrs[0]: is no range\n"}
    host.put("preview", {"diagnostics": [{"severity": "info", "message": "hello"}, error, error]})
    with pytest.raises(OperatorError, match=r"^`pulumi preview` failed: see above$"):
        release.release("shop", NEW)
    assert host.get("release") == {"commit": OLD}
    assert capsys.readouterr().err == "slipway:access.admin_cidrs[0]: is no range\n"
