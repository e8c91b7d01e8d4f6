"""The plugin side of the engine's protocol, for any table of resources."""

from __future__ import annotations

import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.provider.differ import Difference, difference
from rehearsal.provider.ignoring import ignoring
from rehearsal.provider.resource import Context, PartialError, RefusedError, Resource
from rehearsal.provider.shaping import DEFAULTS, alike, given, marked, outputs, schema_failures, with_defaults
from rehearsal.provider.values import UNKNOWN, Properties, Secret, is_secret, marshal, plain, secret, unmarshal

Function = Callable[[Context, Properties], Properties]
Call = grpc.ServicerContext


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for one provider. `context` carries the store and the local cloud behind it."""

    def __init__(
        self,
        name: str,
        resources: Iterable[Resource],
        context: Context,
        functions: Mapping[str, Function] | None = None,
        engine: str | None = None,
    ) -> None:
        self._name = name
        self._resources = {resource.token: resource for resource in resources}
        self._functions = dict(functions or {})
        self._context = context
        self._stop = threading.Event()
        self._config: Properties = {}
        self._log: Any = None
        if engine:
            self._attach(engine)

    def _attach(self, address: str) -> None:
        # the engine listens on loopback, without TLS
        self._log = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def _say(self, urn: str, severity: Any, ephemeral: bool) -> Callable[[str], None]:
        def say(line: str) -> None:
            if self._log is None or not line.strip():
                return
            request = engine_pb2.LogRequest(severity=severity, message=line, urn=urn, ephemeral=ephemeral)
            try:
                self._log.Log(request, timeout=5)
            except grpc.RpcError:  # progress is not worth failing a deployment for
                self._log = None

        return say

    def _for(self, urn: str, timeout: float = 0) -> Context:
        """What a handler works with; `timeout` is the resource's own, in seconds, 0 for none."""
        end = time.monotonic() + timeout if timeout else None

        def stopped() -> str | None:
            if self._stop.is_set():
                return "context canceled"
            return "context deadline exceeded" if end is not None and time.monotonic() > end else None

        return Context(
            store=self._context.store,
            cloud=self._context.cloud,
            urn=urn,
            log=self._say(urn, engine_pb2.INFO, ephemeral=True),
            warn=self._say(urn, engine_pb2.WARNING, ephemeral=False),
            config=plain(self._config),
            stopped=stopped,
        )

    def _resource(self, urn: str, call: Call) -> Resource:
        token = urn.split("::")[2].split("$")[-1]
        resource = self._resources.get(token)
        if resource is None:
            call.abort(grpc.StatusCode.UNIMPLEMENTED, f"the rehearsal's stand-in for {self._name} has no {token} yet")
        assert resource is not None  # noqa: S101 - abort raises
        return resource

    # --- the plugin itself

    def Handshake(self, request: Any, context: Call) -> Any:  # noqa: N802 - the protocol's names
        self._attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def Attach(self, request: Any, context: Call) -> Any:  # noqa: N802
        self._attach(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Call) -> Any:  # noqa: N802
        # the version of the package that the program uses: the engine asks for a plugin at least as new
        return plugin_pb2.PluginInfo(version=metadata.version(f"pulumi-{self._name}"))

    def GetSchema(self, request: Any, context: Call) -> Any:  # noqa: N802
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "{self._name}", "version": "0.0.0"}}')

    def CheckConfig(self, request: Any, context: Call) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Call) -> Any:  # noqa: N802
        old, new = plain(unmarshal(request.old_inputs)), plain(unmarshal(request.news))
        changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        return _diff_response(Difference(tuple(changed), (), False))

    def Configure(self, request: Any, context: Call) -> Any:  # noqa: N802
        self._config = unmarshal(request.args)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Cancel(self, request: Any, context: Call) -> Any:  # noqa: N802
        self._stop.set()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Call) -> Any:  # noqa: N802
        function = self._functions.get(request.tok)
        if function is None:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"the rehearsal's stand-in for {self._name} has no {request.tok} yet"
            )
            raise AssertionError
        arguments = unmarshal(request.args)
        try:
            result = function(self._for(""), plain(arguments))
        except RefusedError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
            raise
        if is_secret(arguments):
            result = {key: secret(value) for key, value in result.items()}
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(marshal(result))
        return response

    # --- resources

    def Check(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = {key: value for key, value in unmarshal(request.news).items() if value is not None and key != DEFAULTS}
        failures = schema_failures(resource, inputs)
        named = self._autoname(resource, request, inputs)
        inputs = with_defaults(resource.defaults, inputs)
        for key in resource.secret_inputs:
            if key in inputs and not isinstance(inputs[key], Secret):
                inputs[key] = secret(inputs[key])
        if not failures:
            failures = resource.check(self._for(request.urn), plain(inputs))
        if named:
            inputs[DEFAULTS] = [resource.named]
        return provider_pb2.CheckResponse(
            inputs=marshal(inputs),
            failures=[provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in failures],
        )

    def _autoname(self, resource: Resource, request: Any, inputs: Properties) -> bool:
        """Gives it the name that the provider would; the same again for a resource that already has one."""
        if resource.named is None or resource.named in inputs:
            return False
        old = unmarshal(request.olds)
        if resource.named in (plain(old.get(DEFAULTS)) or []):
            inputs[resource.named] = old[resource.named]
        else:
            inputs[resource.named] = f"{request.urn.split('::')[3]}-{secrets.token_hex(4)[:7]}"
        return True

    def Diff(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        old, new = unmarshal(request.old_inputs), unmarshal(request.news)
        old.pop(DEFAULTS, None)
        by_default = plain(new.pop(DEFAULTS, [])) or []
        old = resource.compared(plain(old), plain(unmarshal(request.olds)))
        new = ignoring(request.ignoreChanges, plain(new), old)
        return _diff_response(difference(resource, old, new, by_default))

    def Create(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = unmarshal(request.properties)
        if request.preview:
            added: Properties = {key: UNKNOWN for key in resource.computed if key not in inputs}
            return provider_pb2.CreateResponse(id="", properties=marshal(outputs(resource, inputs, added)))
        identifier, added = self._carry_out(
            context,
            "creating",
            request.urn,
            lambda: resource.create(self._for(request.urn, request.timeout), given(inputs)),
            lambda added: (outputs(resource, inputs, added), inputs),
        )
        return provider_pb2.CreateResponse(id=identifier, properties=marshal(outputs(resource, inputs, added)))

    def Read(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        state, inputs = unmarshal(request.properties), unmarshal(request.inputs)
        found = self._carry_out(
            context, "reading", request.urn, lambda: resource.read(self._for(request.urn), request.id, given(state))
        )
        if found is None:
            return provider_pb2.ReadResponse()
        state.update({key: marked(resource, key, value, state, inputs) for key, value in found.items()})
        inputs.update(
            {key: state[key] for key in found if key in inputs and not alike(resource, key, inputs[key], found[key])}
        )
        return provider_pb2.ReadResponse(id=request.id, properties=marshal(state), inputs=marshal(inputs))

    def Update(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        state, inputs = unmarshal(request.olds), unmarshal(request.news)
        kept = {key: plain(state[key]) for key in resource.computed if key in state and key not in inputs}
        if request.preview:
            added = {**kept, **{key: UNKNOWN for key in resource.volatile if key not in inputs}}
        else:
            before = resource.compared(given(unmarshal(request.old_inputs)), given(state))
            wanted = ignoring(request.ignoreChanges, given(inputs), before)
            changed = self._carry_out(
                context,
                "updating",
                request.urn,
                lambda: resource.update(self._for(request.urn, request.timeout), request.id, given(state), wanted),
                lambda added: (outputs(resource, inputs, {**kept, **added}), inputs),
            )
            added = {**kept, **changed}
        return provider_pb2.UpdateResponse(properties=marshal(outputs(resource, inputs, added)))

    def Delete(self, request: Any, context: Call) -> Any:  # noqa: N802
        resource = self._resource(request.urn, context)
        state = given(unmarshal(request.properties))
        self._carry_out(
            context,
            "deleting",
            request.urn,
            lambda: resource.delete(self._for(request.urn, request.timeout), request.id, state),
        )
        return empty_pb2.Empty()

    def _carry_out(
        self,
        call: Call,
        verb: str,
        urn: str,
        act: Callable[[], Any],
        kept: Callable[[Properties], tuple[Properties, Properties]] | None = None,
    ) -> Any:
        """What `act` returns. `kept` are the state and the inputs that the engine keeps of what was done in part."""
        try:
            return act()
        except PartialError as refusal:
            reason = str(refusal)
            if kept is not None:
                _tell_the_rest(call, refusal, *kept(refusal.added))
        except RefusedError as refusal:
            reason = str(refusal)
        except Exception as error:
            traceback.print_exc()  # the engine keeps a plugin's standard error in its log
            reason = f"the local cloud failed: {type(error).__name__}: {error}"
        call.abort(grpc.StatusCode.UNKNOWN, f"{verb} {urn}: 1 error occurred:\n\t* {reason}\n")
        raise AssertionError(reason)


def _tell_the_rest(call: Call, error: PartialError, state: Properties, inputs: Properties) -> None:
    """Has the error that follows say what there is all the same, in the way that the engine looks for."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identifier, properties=marshal(state), inputs=marshal(inputs), reasons=[str(error)]
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])
    call.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))


def _diff_response(found: Difference) -> Any:
    kinds = provider_pb2.PropertyDiff
    detail = {
        key: kinds(kind=kinds.UPDATE_REPLACE if key in found.replaces else kinds.UPDATE, inputDiff=True)
        for key in found.changed
    }
    changes = provider_pb2.DiffResponse.DIFF_SOME if found.changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=changes,
        diffs=list(found.changed),
        replaces=list(found.replaces),
        deleteBeforeReplace=found.delete_first,
        detailedDiff=detail,
        hasDetailedDiff=True,
    )
