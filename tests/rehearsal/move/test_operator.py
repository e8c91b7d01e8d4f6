"""The operator's shell keeps what was typed, finds each stack where it is rehearsed, and updates it in this process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from rehearsal.move.operator import Operator, new_key
from rehearsal.progress import Summary
from rehearsal.run import Rehearsal, RehearsalError

ENGINE = '#!/bin/sh\necho "$PULUMI_HOME runs $* in $(pwd)"\nexit 3\n'


@dataclass
class Place:
    """What the shell asks of a rehearsal's workspace."""

    directory: Path
    engine_home: Path

    def environment(self) -> Mapping[str, str]:
        return {"PULUMI_HOME": f"the home of {self.directory.name}"}


@dataclass
class Side:
    """A rehearsal whose updates are counted; one of them may fail."""

    stack: str
    workspace: Place
    ups: list[str] = field(default_factory=list)
    broken: bool = False

    def up(self) -> Summary:
        if self.broken:
            raise RehearsalError("up failed:\nthe host does not answer")
        self.ups.append(self.stack)
        return Summary({"same": 3, "create": 1}, (), 0.1)


@pytest.fixture
def sides(tmp_path: Path) -> list[Side]:
    made = []
    for stack in ("old-one", "new-one"):
        place = Place(tmp_path / stack, tmp_path / stack / "engine")
        (place.engine_home / "bin").mkdir(parents=True)
        (place.engine_home / "bin" / "pulumi").write_text(ENGINE)
        (place.engine_home / "bin" / "pulumi").chmod(0o755)
        made.append(Side(stack, place))
    return made


@pytest.fixture
def operator(tmp_path: Path, sides: list[Side]) -> Iterator[Operator]:
    new_key(tmp_path / "home")
    with Operator(tmp_path / "home", cast(list[Rehearsal], sides), "certificates\n") as made:
        yield made


def said(operator: Operator, line: str) -> str:
    ran = operator.run(line)
    assert ran.code == 0, ran.said
    return ran.said


def test_variables_and_functions_stay_from_line_to_line(operator: Operator) -> None:
    said(operator, "NEW=$(printf 192.0.2.1)")
    said(operator, "bring() ( set -o pipefail; false | cat )")
    assert said(operator, 'echo "ops@$NEW"; cat') == "ops@192.0.2.1\n", "and nothing of the lines to come is read"
    assert operator.run("bring && echo on").code == 1
    assert operator.run("(exit 7)").code == 7
    assert "real" in said(operator, "time printf x")
    assert said(operator, "echo ~") == f"{operator.home}\n"
    assert Path(said(operator, "pwd").strip(), "Makefile").exists(), "`make` finds what it makes"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pulumi config set --path slipway:dns.ttl 60 -s old-one", "config set --path slipway:dns.ttl 60 -s old-one"),
        ("pulumi stack output --json --stack new-one", "stack output --json --stack new-one"),
        ("pulumi stack select --create new-one", "stack select --create new-one"),
        ("pulumi destroy -s old-one --exclude-protected", "destroy -s old-one --exclude-protected --yes"),
        ("pulumi state unprotect 'urn:one' -s old-one", "state unprotect urn:one -s old-one --yes"),
        ("pulumi stack rm old-one --preserve-config", "stack rm old-one --preserve-config --yes"),
    ],
)
def test_each_stack_is_found_where_it_is_rehearsed(operator: Operator, tmp_path: Path, line: str, words: str) -> None:
    stack = next(word for word in reversed(words.split()) if word in ("old-one", "new-one"))
    ran = operator.run(line)
    assert (ran.code, ran.said) == (3, f"the home of {stack} runs {words} in {tmp_path / stack}\n")


def test_an_update_runs_in_this_process_and_says_how_it_went(operator: Operator, sides: list[Side]) -> None:
    assert said(operator, "pulumi up --yes --skip-preview -s new-one") == "1 create, 3 same\n"
    assert (sides[0].ups, sides[1].ups) == ([], ["new-one"])
    sides[0].broken = True
    ran = operator.run("pulumi up -s old-one && echo on")
    assert (ran.code, ran.said) == (255, "up failed:\nthe host does not answer\n")


def test_a_host_s_key_is_looked_up_in_the_operator_s_own_home_alone(operator: Operator) -> None:
    config = said(operator, "ssh -G ops@192.0.2.1").splitlines()
    assert f"userknownhostsfile {operator.home}/.ssh/known_hosts" in config
    assert "stricthostkeychecking true" in config
    assert f"identityfile {operator.home}/operator" in config


def test_the_key_is_made_once_and_is_nobody_else_s(tmp_path: Path) -> None:
    public = new_key(tmp_path / "keys")
    assert new_key(tmp_path / "keys") == public
    assert (tmp_path / "keys/operator").stat().st_mode & 0o077 == 0
    told: Any = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(tmp_path / "keys/operator")], capture_output=True, text=True, check=True
    )
    assert public.startswith(told.stdout.split(" operator")[0].strip())


def test_what_a_rehearsal_knows_is_not_for_others(operator: Operator) -> None:
    assert (operator.home / "places.json").stat().st_mode & 0o077 == 0
    assert os.access(operator.home / "programs/pulumi", os.X_OK)
