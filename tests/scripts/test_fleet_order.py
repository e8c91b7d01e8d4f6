"""The order on standard input: every mistake is one line with its key, and shows nothing that may be a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.fleet.order import read
from scripts.fleet.protocol import FleetError
from tests.scripts.fake_order import request

HOST = {"name": "web-1", "address": "192.0.2.1", "host_key": "ssh-ed25519 AAAA"}
WHOLE: dict[str, Any] = {"hosts": [HOST], "private_key": "key", "owner": "pulumi up -s prod", "request": request(1)}


def test_an_order_is_read_whole() -> None:
    order = read(json.dumps({**WHOLE, "expires_in": 60, "take_over": True}))
    assert [host.name for host in order.hosts] == ["web-1"]
    assert order.owner.startswith("pulumi up -s prod (")
    assert "@" in order.owner, "two who run the same are told apart"
    assert (order.expires_in, order.take_over) == (60, True)
    assert order.request == request(1)


def test_what_may_be_left_out_is_left_out() -> None:
    order = read(json.dumps({key: value for key, value in WHOLE.items() if key != "request"}))
    assert (order.request, order.expires_in, order.take_over, order.hosts[0].port) == (None, 45, False, 22)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hosts": []}, "hosts: a list of at least one host is wanted"),
        ({"hosts": ["web-1"]}, "hosts[0]: an object with name, address and host_key is wanted"),
        ({"hosts": [HOST, {**HOST, "name": "web-2", "address": ""}]}, "hosts[1].address: a text is wanted"),
        ({"hosts": [{**HOST, "name": "web 1"}]}, "hosts[0].name: 'web 1' is no host's name"),
        ({"hosts": [{**HOST, "port": 0}]}, "hosts[0].port: a number from 1 to 65535 is wanted"),
        ({"hosts": [HOST, {**HOST, "name": "web-2"}]}, "hosts: two have the address '192.0.2.1'"),
        ({"hosts": [HOST, {**HOST, "address": "192.0.2.2"}]}, "hosts: two have the name 'web-1'"),
        ({"private_key": None}, "private_key: a text is wanted"),
        ({"owner": " "}, "owner: a text is wanted"),
        ({"expires_in": 5}, "expires_in: whole seconds are wanted, 15 at least"),
        ({"expires_in": True}, "expires_in: whole seconds are wanted, 15 at least"),
        ({"request": 5}, "request: an object is wanted"),
        ({"request": {**request(1), "images": {"api": "ghcr.io/example/api:1.0"}}}, "does not end with a digest"),
        ({"request": {"commit": "a" * 40, "revision": "1"}}, "request.images: a fleet releases images"),
    ],
)
def test_a_mistake_is_named_by_its_key(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FleetError) as wrong:
        read(json.dumps({**WHOLE, **change}))
    assert reason in wrong.value.describe()
    assert "\n" not in wrong.value.describe()


@pytest.mark.parametrize("text", ["", "[]", '"x"', "{", '{"private_key": "secret'])
def test_what_is_no_order_is_said_without_repeating_it(text: str) -> None:
    with pytest.raises(FleetError) as wrong:
        read(text)
    assert "secret" not in wrong.value.describe()


def test_the_key_is_not_in_what_an_order_looks_like() -> None:
    assert "hidden" not in repr(read(json.dumps({**WHOLE, "private_key": "hidden"})))
