"""A plugin behind a real gRPC channel, on a cloud on paper, spoken to as the engine does."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from rehearsal.provider.__main__ import MODULES
from rehearsal.provider.backend import Cloud
from rehearsal.provider.paper import PaperCloud
from rehearsal.provider.resource import Context
from rehearsal.provider.servicer import Servicer
from rehearsal.provider.store import Store
from rehearsal.provider.values import Properties, marshal, unmarshal

FAKE_KEYS = {"spacesAccessId": "id", "spacesSecretKey": "key"}


class CloudSaysNoError(Exception):
    """What the plugin answered in place of a result."""


@dataclass
class Plugin:
    """A provider as the engine sees it: check, then create, update, read or delete, by type token."""

    stub: Any
    store: Store
    said: list[str] = field(default_factory=list)

    def urn(self, token: str, name: str = "it") -> str:
        return f"urn:pulumi:dev::slipway::{token}::{name}"

    def check(self, token: str, inputs: Properties, old: Properties | None = None) -> tuple[Properties, dict[str, str]]:
        """The checked inputs, and the failures by property."""
        request = provider_pb2.CheckRequest(urn=self.urn(token), news=marshal(inputs), olds=marshal(old or {}))
        answer = self.stub.Check(request)
        return unmarshal(answer.inputs), {failure.property: failure.reason for failure in answer.failures}

    def create(
        self, token: str, inputs: Properties, preview: bool = False, timeout: float = 0
    ) -> tuple[str, Properties]:
        """Checks and creates: the id and the outputs. Raises CloudSaysNoError."""
        checked, failures = self.check(token, inputs)
        if failures:
            raise CloudSaysNoError("; ".join(failures.values()))
        request = provider_pb2.CreateRequest(
            urn=self.urn(token), properties=marshal(checked), preview=preview, timeout=timeout
        )
        answer = self._call(self.stub.Create, request)
        return answer.id, unmarshal(answer.properties)

    def update(
        self, token: str, identifier: str, state: Properties, inputs: Properties, preview: bool = False
    ) -> Properties:
        checked, failures = self.check(token, inputs, state)
        if failures:
            raise CloudSaysNoError("; ".join(failures.values()))
        request = provider_pb2.UpdateRequest(
            id=identifier, urn=self.urn(token), olds=marshal(state), news=marshal(checked), preview=preview
        )
        return unmarshal(self._call(self.stub.Update, request).properties)

    def diff(self, token: str, old: Properties, new: Properties) -> Any:
        before, _ = self.check(token, old)
        after, _ = self.check(token, new, before)
        request = provider_pb2.DiffRequest(
            id="1", urn=self.urn(token), olds=marshal(before), old_inputs=marshal(before), news=marshal(after)
        )
        return self.stub.Diff(request)

    def read(self, token: str, identifier: str, state: Properties, inputs: Properties | None = None) -> Any:
        request = provider_pb2.ReadRequest(
            id=identifier, urn=self.urn(token), properties=marshal(state), inputs=marshal(inputs or {})
        )
        return self._call(self.stub.Read, request)

    def delete(self, token: str, identifier: str, state: Properties) -> None:
        request = provider_pb2.DeleteRequest(id=identifier, urn=self.urn(token), properties=marshal(state))
        self._call(self.stub.Delete, request)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Properties:
        answer = self._call(self.stub.Invoke, provider_pb2.InvokeRequest(tok=token, args=marshal(arguments)))
        return unmarshal(getattr(answer, "return"))

    def _call(self, method: Callable[[Any], Any], request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise CloudSaysNoError(error.details()) from None


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side, as far as a plugin speaks to it: it listens to progress."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._said.append(request.message)
        return empty_pb2.Empty()


@contextmanager
def serving(add: Callable[[grpc.Server], None]) -> Iterator[int]:
    """A gRPC server with what `add` puts into it; its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield int(port)
    finally:
        server.stop(0).wait()


@contextmanager
def running_plugin(name: str, store: Store, cloud: Cloud) -> Iterator[Plugin]:
    """The plugin of a name on a cloud."""
    said: list[str] = []
    module = importlib.import_module(MODULES[name])
    context = Context(store=store, cloud=cloud)
    servicer = Servicer(name, module.RESOURCES, context, getattr(module, "FUNCTIONS", None))
    with (
        serving(lambda server: engine_pb2_grpc.add_EngineServicer_to_server(Engine(said), server)) as engine,
        serving(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        plugin = Plugin(provider_pb2_grpc.ResourceProviderStub(channel), store, said)
        plugin.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=f"127.0.0.1:{engine}"))
        plugin.stub.Configure(provider_pb2.ConfigureRequest(args=marshal(FAKE_KEYS), acceptSecrets=True))
        yield plugin


@pytest.fixture
def start_plugin(tmp_path: Path) -> Iterator[Callable[[str], Plugin]]:
    """Starts the plugin of a name; all of one test share a cloud, as those of one engine do."""
    with ExitStack() as started:
        yield lambda name: started.enter_context(running_plugin(name, Store(tmp_path), PaperCloud(tmp_path)))


@pytest.fixture
def digitalocean(start_plugin: Callable[[str], Plugin]) -> Plugin:
    return start_plugin("digitalocean")


@pytest.fixture
def command(start_plugin: Callable[[str], Plugin]) -> Plugin:
    return start_plugin("command")


@dataclass
class Server:
    """An SSH server: `ran` is what it was asked to run, `environment` what came along."""

    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    user_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    ran: list[str] = field(default_factory=list)

    def connection(self, **changes: Any) -> Properties:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "deploy",
            "privateKey": self.user_key.export_private_key().decode(),
            "hostKey": self.host_key.export_public_key().decode().strip(),
            **changes,
        }


async def _handle(server: Server, process: asyncssh.SSHServerProcess[str]) -> None:
    text = process.command or ""
    server.ran.append(text)
    if text == "env":
        process.stdout.write("".join(f"{key}={value}\n" for key, value in process.env.items() if key != "REFUSED"))
    elif text == "cat":
        process.stdout.write(await process.stdin.read())
    elif text == "lose power":
        process.channel.get_connection().abort()
        return
    elif text.startswith("fail"):
        process.stdout.write("on its way\n")
        process.stderr.write("broke\n")
        process.exit(3)
        return
    else:
        process.stdout.write(f"{text} done\n")
    process.exit(0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        keys = asyncssh.import_authorized_keys(made.user_key.export_public_key().decode())
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[made.host_key],
            authorized_client_keys=keys,
            process_factory=lambda process: _handle(made, process),
            sftp_factory=True,
        )
        made.port = listener.get_port()
        ready.set()
        await stop.wait()
        listener.close()
        await listener.wait_closed()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    yield made
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
