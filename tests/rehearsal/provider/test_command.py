"""Commands run over real SSH, against a server on the loopback interface."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from google.protobuf import empty_pb2

from rehearsal.provider import workshop
from rehearsal.provider.values import UNKNOWN, Secret, plain

COMMAND = "command:remote:Command"
LOCAL = "command:local:Command"
EMPTY_PORT = 1


def test_it_runs_the_command_and_keeps_what_it_wrote(command: Any, server: Any) -> None:
    identifier, outputs = command.create(COMMAND, {"connection": server.connection(), "create": "build"})
    assert identifier.startswith("it")
    assert outputs["stdout"] == "build done"
    assert outputs["stderr"] == ""


def test_standard_input_reaches_the_command_and_stays_secret(command: Any, server: Any) -> None:
    """ALL3"""
    inputs = {"connection": server.connection(), "create": "cat", "stdin": Secret("hidden text")}
    _, outputs = command.create(COMMAND, inputs)
    assert outputs["stdout"] == "hidden text"  # as with the real one
    assert outputs["stdin"] == Secret("hidden text")


def test_the_output_of_a_secret_command_is_no_secret(command: Any, server: Any) -> None:
    """As with the real one, where the program has to say `additional_secret_outputs`."""
    _, outputs = command.create(COMMAND, {"connection": server.connection(), "create": Secret("build")})
    assert outputs["stdout"] == "build done"
    assert outputs["create"] == Secret("build")


def test_the_connection_is_secret_even_where_nobody_marked_it(command: Any, server: Any) -> None:
    """ALL3"""
    checked, failures = command.check(COMMAND, {"connection": server.connection(), "create": "build"})
    assert not failures
    assert isinstance(checked["connection"], Secret)
    _, outputs = command.create(COMMAND, {"connection": server.connection(), "create": "build"})
    assert isinstance(outputs["connection"], Secret)


def test_the_defaults_of_a_connection_are_filled_in(command: Any) -> None:
    checked, _ = command.check(COMMAND, {"connection": {"host": "198.51.100.7"}, "create": "build"})
    assert plain(checked["connection"]) == {
        "host": "198.51.100.7",
        "user": "root",
        "port": 22,
        "dialErrorLimit": 10,
        "perDialTimeout": 15,
    }


def test_nothing_is_dialled_from_a_cloud_on_paper_but_this_machine(
    command: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address there is somebody else's."""
    monkeypatch.setenv(workshop.CLOUD, workshop.PAPER)
    command.create(COMMAND, {"connection": server.connection(), "create": "build"})
    elsewhere = {"connection": server.connection(host="host.invalid", dialErrorLimit=0), "create": "build"}
    with pytest.raises(Exception, match=r"host\.invalid is of a cloud on paper"):
        command.create(COMMAND, elsewhere)


def test_a_wrong_host_key_is_refused(command: Any, server: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Exception, match="host key mismatch"):
        command.create(COMMAND, {"connection": server.connection(hostKey=other, dialErrorLimit=0), "create": "build"})
    assert not server.ran


def test_a_wrong_user_key_is_refused(command: Any, server: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(Exception, match="unable to authenticate"):
        command.create(COMMAND, {"connection": server.connection(privateKey=other, dialErrorLimit=0), "create": "x"})


def test_it_gives_up_after_the_dial_limit_and_says_how_often_it_tried(command: Any, server: Any) -> None:
    connection = server.connection(port=EMPTY_PORT, dialErrorLimit=2)
    with pytest.raises(Exception, match=r"after 2 failed attempts: .*connection refused"):
        command.create(COMMAND, {"connection": connection, "create": "build"})
    assert "Dial 1/2 failed: retrying" in command.said


def test_a_failure_shows_the_command_and_all_that_it_wrote(command: Any, server: Any) -> None:
    with pytest.raises(Exception, match='Process exited with status 3: running "fail now":') as caught:
        command.create(COMMAND, {"connection": server.connection(), "create": "fail now"})
    assert "on its way" in str(caught.value)
    assert "broke" in str(caught.value)


def test_what_it_writes_is_shown_as_it_comes(command: Any, server: Any) -> None:
    command.create(COMMAND, {"connection": server.connection(), "create": "build"})
    assert "build done" in command.said


def test_nothing_is_shown_where_logging_is_off(command: Any, server: Any) -> None:
    command.create(COMMAND, {"connection": server.connection(), "create": "build", "logging": "none"})
    assert "build done" not in command.said


def test_an_update_runs_update_or_else_create_again(command: Any, server: Any) -> None:
    inputs = {"connection": server.connection(), "create": "make", "stdin": "1"}
    identifier, state = command.create(COMMAND, inputs)
    command.update(COMMAND, identifier, state, {**inputs, "stdin": "2"})
    command.update(COMMAND, identifier, state, {**inputs, "update": "change"})
    assert server.ran == ["make", "make", "change"]


def test_delete_runs_the_delete_command_if_there_is_one(command: Any, server: Any) -> None:
    identifier, state = command.create(COMMAND, {"connection": server.connection(), "create": "make"})
    command.delete(COMMAND, identifier, state)
    command.delete(COMMAND, identifier, {**state, "delete": "clean"})
    assert server.ran == ["make", "clean"]


def test_triggers_replace_and_everything_else_updates(command: Any) -> None:
    """facts: triggers always replace (pulumi-command#855), a connection change is an update."""
    old = {"connection": {"host": "a"}, "create": "make", "triggers": ["1"]}
    assert list(command.diff(COMMAND, old, {**old, "triggers": ["2"]}).replaces) == ["triggers"]
    changed = command.diff(COMMAND, old, {**old, "connection": {"host": "b"}, "stdin": "x"})
    assert sorted(changed.diffs) == ["connection", "stdin"]
    assert not changed.replaces


def test_an_environment_that_the_server_accepts_arrives(command: Any, server: Any) -> None:
    inputs = {"connection": server.connection(), "create": "env", "environment": {"LANG": "C"}}
    _, outputs = command.create(COMMAND, inputs)
    assert "LANG=C" in outputs["stdout"]


def test_an_environment_that_the_server_drops_is_an_error(command: Any, server: Any) -> None:
    inputs = {"connection": server.connection(), "create": "build", "environment": {"REFUSED": "1"}}
    with pytest.raises(Exception, match="AcceptEnv"):
        command.create(COMMAND, inputs)


def test_every_connection_is_counted(command: Any, server: Any) -> None:
    for _ in range(3):
        command.create(COMMAND, {"connection": server.connection(), "create": "make"})
    assert command.store.read()["counts"]["connections"] == {"127.0.0.1": 3}


def test_a_preview_opens_no_connection_and_does_not_know_the_output(command: Any) -> None:
    inputs = {"connection": {"host": UNKNOWN}, "create": "make"}
    _, outputs = command.create(COMMAND, inputs, preview=True)
    assert outputs["stdout"] is UNKNOWN
    assert not command.store.read()["counts"]


def test_the_preview_of_an_update_does_not_know_the_output_either(command: Any) -> None:
    inputs = {"connection": {"host": "a"}, "create": "make"}
    state = {**inputs, "stdout": "made", "stderr": ""}
    assert command.update(COMMAND, "1", state, {**inputs, "create": "build"}, preview=True)["stdout"] is UNKNOWN


def test_dialling_ends_with_the_time_that_the_resource_has(command: Any, server: Any) -> None:
    connection = server.connection(port=EMPTY_PORT, dialErrorLimit=-1)
    with pytest.raises(Exception, match="context deadline exceeded"):
        command.create(COMMAND, {"connection": connection, "create": "build"}, timeout=0.5)


def test_a_host_that_goes_away_in_the_middle_ends_the_command(command: Any, server: Any) -> None:
    with pytest.raises(Exception, match="without exit status or exit signal"):
        command.create(COMMAND, {"connection": server.connection(), "create": "lose power"})


def test_a_connection_through_a_proxy_dials_the_proxy_first(command: Any, server: Any) -> None:
    """The loopback server forwards nothing, so that the second hop fails."""
    proxy = server.connection()
    with pytest.raises(Exception, match="failed attempts"):
        command.create(
            COMMAND, {"connection": server.connection(proxy=proxy, dialErrorLimit=0, port=EMPTY_PORT), "create": "x"}
        )
    assert command.store.read()["counts"]["connections"] == {"127.0.0.1": 1}


def test_a_local_command_runs_here_with_its_environment_and_input(command: Any) -> None:
    inputs = {"create": "read line; echo $GREETING $line", "stdin": "you\n", "environment": {"GREETING": "hello"}}
    _, outputs = command.create(LOCAL, inputs)
    assert outputs["stdout"] == "hello you"
    with pytest.raises(Exception, match="exit status 4: running"):
        command.create(LOCAL, {"create": "exit 4"})


def test_an_interrupted_engine_kills_a_local_command_and_reads_on_what_it_has_begun(
    command: Any, tmp_path: Path
) -> None:
    """As with the real one: exec.CommandContext kills one process, and waits until nobody writes any more."""
    begun = f"(touch {tmp_path}/begun; sleep 0.5; echo undone) & exec sleep 50"
    with ThreadPoolExecutor() as pool:
        made = pool.submit(command.create, LOCAL, {"create": begun})
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        command.stub.Cancel(empty_pb2.Empty())
        with pytest.raises(Exception, match=r"(?s)signal: killed: running .*\nundone\n"):
            made.result(timeout=20)


def test_an_unknown_logging_choice_is_a_mistake(command: Any) -> None:
    _, failures = command.check(COMMAND, {"connection": {"host": "a"}, "logging": "loud"})
    assert "logging" in failures


def test_a_resource_of_another_type_is_named(start_plugin: Callable[[str], Any]) -> None:
    with pytest.raises(Exception, match="has no command:remote:Nothing yet"):
        start_plugin("command").check("command:remote:Nothing", {})
