"""A hosted MongoDB: who makes its replica set, how soon that elects, what it is asked and takes (DV1, DV6)."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hostfiles import data_services, engines
from tests.hostfiles.compose_stacks import DATA_HOSTS, everything, fleet, passwords
from tests.hostfiles.conftest import Run

BESIDE = everything()
APART = fleet()


def _beside() -> dict[str, Any]:
    place = data_services.beside(BESIDE.product, 8192)
    return data_services.model(BESIDE.product, place, passwords(BESIDE))


def _apart(number: int) -> dict[str, Any]:
    place = data_services.apart(APART.product, 4096, DATA_HOSTS, number)
    return data_services.model(APART.product, place, passwords(APART))


def test_the_first_member_alone_makes_the_replica_set_and_its_user() -> None:
    """DV6: a set takes only members that are empty."""
    places = [data_services.apart(APART.product, 4096, DATA_HOSTS, number) for number in range(3)]
    files = [data_services.files(APART.product, place, passwords(APART)) for place in places]
    told = [next(file.content for file in made if file.path.endswith("data_documents.env")) for made in files]
    assert "MONGO_INITDB_ROOT_USERNAME='slipway_admin'" in told[0]
    assert "DATABASE_USER='vulcan'" in told[0]
    assert told[1:] == ["", ""]
    keys = {next(file.content for file in made if file.path.endswith("data_documents.file")) for made in files}
    assert len(keys) == 1, "they know each other by it"
    checks = [_apart(number)["services"]["documents"]["healthcheck"]["test"][-1] for number in range(3)]
    assert ["rs.initiate" in check for check in checks] == [True, False, False]
    starts = [_apart(number)["services"]["documents"]["entrypoint"][2:] for number in range(3)]
    assert ["/docker-entrypoint-initdb.d/" in start for start, _ in starts] == [True, False, False], "it begins data"
    assert [script for _, script in starts[1:]] == ["start"] * 2
    assert all(f'"host": "{host}:27017"' in checks[0] for host in DATA_HOSTS)


_MONGOSH = """
const calls = [], state = %s;
const db = {
  getSiblingDB: name => ({
    auth: (user, password) => {
      if (state.users && !state.users.includes(user)) throw new Error("Authentication failed.");
      calls.push(["auth", name, user, password]);
    },
  }),
  hello: () => ({isWritablePrimary: state.primary, secondary: false}),
  adminCommand: () => ({ok: 1}),
};
const rs = {
  status: () => { if (!state.initiated) throw new Error("no replset config has been received"); return {ok: 1}; },
  conf: () => ({version: 3, settings: {heartbeatIntervalMillis: 2000, electionTimeoutMillis: state.elects}}),
  reconfig: config => {
    if (state.busy) throw new Error("another reconfig is under way");
    calls.push(["reconfig", config]);
  },
  initiate: config => {
    calls.push(["initiate", config._id, config.members.map(member => member.host), config.settings]);
    return {ok: 1};
  },
};
const quit = code => { calls.push(["quit", code]); };
const print = text => { calls.push(["print", text]); };
%s
console.log(JSON.stringify(calls));
"""


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"initiated": False, "primary": False}, [["initiate", "rs0", ["documents:27017"], None], ["quit", 1]]),
        ({"initiated": True, "primary": True, "elects": 10_000}, [["quit", 0]]),
    ],
    ids=["new", "well"],
)
def test_the_replica_set_is_made_once_and_well_as_soon_as_it_has_a_primary(
    state: dict[str, Any], expected: list[Any], run: Run, tmp_path: Path
) -> None:
    assert _asked(_beside(), state, run, tmp_path) == expected


_ELECTING = {"version": 3, "settings": {"heartbeatIntervalMillis": 2000, "electionTimeoutMillis": 4000}}
_MEMBERS = [f"{host}:27017" for host in DATA_HOSTS]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            {"initiated": False, "primary": False},
            [["initiate", "rs0", _MEMBERS, {"electionTimeoutMillis": 4000}], ["quit", 1]],
        ),
        ({"initiated": True, "primary": True, "elects": 10_000}, [["reconfig", _ELECTING], ["quit", 0]]),
        (
            {"initiated": True, "primary": True, "elects": 10_000, "busy": True},
            [["print", "another reconfig is under way"], ["quit", 0]],
        ),
        ({"initiated": True, "primary": True, "elects": 4000}, [["quit", 0]]),
        ({"initiated": True, "primary": False, "elects": 10_000}, [["quit", 1]]),
    ],
    ids=["new", "made before", "made before, and can't be changed now", "well", "of another's"],
)
def test_three_members_elect_another_within_ten_seconds(
    state: dict[str, Any], expected: list[Any], run: Run, tmp_path: Path
) -> None:
    """DV6."""
    assert _asked(_apart(0), state, run, tmp_path) == expected


def _asked(model: dict[str, Any], state: dict[str, Any], run: Run, tmp_path: Path) -> list[Any]:
    """What the first member of a set in this state is asked for its health, after the login."""
    path, told = tmp_path / "check.js", {"slipway_admin": secrets.token_hex(8), "devora": secrets.token_hex(8)}
    path.write_text(_MONGOSH % (json.dumps(state), model["services"]["documents"]["healthcheck"]["test"][-1]))
    administrator = {"MONGO_INITDB_ROOT_USERNAME": "slipway_admin", "MONGO_INITDB_ROOT_PASSWORD": told["slipway_admin"]}
    owner = {"DATABASE_USER": "devora", "DATABASE_PASSWORD": told["devora"]}
    done = run("node", str(path), **administrator, **owner)
    login, *rest = json.loads(done.stdout)
    user = state.get("users", ["slipway_admin"])[0]
    assert login == ["auth", "admin", user, told[user]]
    return list(rest)


def test_a_set_made_before_it_had_an_administrator_is_asked_by_the_products_user(run: Run, tmp_path: Path) -> None:
    state = {"initiated": True, "primary": True, "users": ["devora"]}
    assert _asked(_beside(), state, run, tmp_path) == [["quit", 0]]


def test_the_products_user_owns_its_database_and_no_other(run: Run, tmp_path: Path) -> None:
    """VU7."""
    script = tmp_path / "owner.js"
    made = "const db = {getSiblingDB: name => ({createUser: user => console.log(JSON.stringify([name, user]))})};"
    script.write_text(made + _beside()["services"]["documents"]["entrypoint"][-1])
    password = secrets.token_hex(8)
    done = run("node", str(script), DATABASE_USER="devora", DATABASE_PASSWORD=password)
    roles = [{"role": role, "db": "devora_projects_db"} for role in ("readWrite", "dbAdmin")]
    assert json.loads(done.stdout) == ["admin", {"user": "devora", "pwd": password, "roles": roles}]


def test_the_key_of_the_members_can_not_be_told_from_what_the_product_knows() -> None:
    """VU7: whoever has the key may do everything."""
    told = passwords(BESIDE)
    files = data_services.files(BESIDE.product, data_services.beside(BESIDE.product, 8192), told)
    [key] = [file.content for file in files if file.path.endswith("data_documents.file")]
    assert key == engines.key_file(told[engines.administrator("documents")]) != engines.key_file(told["documents"])


@pytest.mark.parametrize(("answer", "asked"), [(0, 1), (1, 3)])
def test_mongodbs_shell_runs_until_all_is_well_and_then_no_more(answer: int, asked: int, tmp_path: Path) -> None:
    """It takes as much memory as the server has beside its cache."""
    [way, *command, script, question] = _beside()["services"]["documents"]["healthcheck"]["test"]
    assert (way, command) == ("CMD", ["bash", "-c"])
    (tmp_path / "mongosh").write_text(
        f'#!/bin/sh\nfor word; do :; done; echo "$word" >>{tmp_path}/asked; exit {answer}\n'
    )
    (tmp_path / "mongosh").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = script.replace("$$", "$").replace("/run/slipway", str(tmp_path))
        script = script.replace("/27017", f"/{server.getsockname()[1]}")
        check = [*command, script, question]
        path = f"{tmp_path}:/usr/bin:/bin"
        codes = [subprocess.run(check, env={"PATH": path}, check=False).returncode for _ in range(3)]
    assert codes == [answer] * 3
    assert (tmp_path / "asked").read_text() == f"{question}\n" * asked
    if not answer:
        assert subprocess.run(check, env={"PATH": path}, check=False, capture_output=True).returncode, "nobody listens"


@pytest.mark.parametrize(("limit", "cache"), [(384, 0.25), (1024, 0.25), (1536, 0.25), (2048, 0.5), (8192, 3.5)])
def test_mongodbs_cache_is_what_its_rule_gives_it_of_its_limit(limit: int, cache: float) -> None:
    """MongoDB: half of the memory beyond 1 GiB, at least 256 MiB."""
    assert engines.cache_gb(limit) == cache
    command = _apart(0)["services"]["documents"]["command"]
    assert command[-2:] == ["--wiredTigerCacheSizeGB", "0.25"]


def test_a_key_file_is_what_mongodb_takes_and_follows_from_the_password() -> None:
    """MongoDB: 6 to 1024 characters of base64."""
    password = secrets.token_urlsafe(24)
    key = engines.key_file(password)
    assert 6 <= len(key) <= 1024
    assert base64.b64decode(key, validate=True)
    assert engines.key_file(password) == key != engines.key_file(password + "x")
