"""The engine's side of the conversation in plain Python: writes down each resource and answers with placeholders."""

from __future__ import annotations

from collections import Counter
from typing import Any

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from plan import placeholders, values
from policies.graph import Resource

STACK = "pulumi:pulumi:Stack"
STACK_REFERENCE = "pulumi:pulumi:StackReference"
ORGANIZATION = "organization"
"""Whose a stack is where its state is kept in files."""
VPC = "digitalocean:index/vpc:Vpc"

_FEATURES = [
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
]


def make_urn(stack: str, project: str, parent: str | None, kind: str, name: str) -> str:
    """A URN as the engine builds it: the type is preceded by those of all ancestors, but not by the stack's."""
    ancestors = parent.split("::")[2] if parent else STACK
    qualified = kind if ancestors == STACK else f"{ancestors}${kind}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


class Monitor:
    """Speaks the resource monitor's protocol as method calls. `problems` are what the engine would refuse."""

    def __init__(self, project: str, stack: str) -> None:
        self.project, self.stack = project, stack
        self.resources: list[Resource] = []
        self.outputs: dict[str, values.Decoded] = {}
        self.problems: list[str] = []
        self.lookups: list[str] = []
        self._urns: set[str] = set()
        self._networks: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def stack_urn(self) -> str:
        """The URN of the stack itself, whose outputs are the program's."""
        return make_urn(self.stack, self.project, None, STACK, f"{self.project}-{self.stack}")

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802 - the protocol's names, here and below
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = make_urn(self.stack, self.project, request.parent or None, request.type, request.name)
        if request.type == STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self._urns:
            self.problems.append(f"{request.name}: there are two resources of type {request.type} with this name")
        self._urns.add(urn)
        index = self._counts[request.type]
        self._counts[request.type] += 1
        decoded = values.decode(request.object)
        secret_outputs = tuple(request.additionalSecretOutputs)
        computed = self._computed(request, index, decoded.values) if request.custom else {}
        self.resources.append(_record(urn, request, decoded, computed))
        return resource_pb2.RegisterResourceResponse(
            urn=urn,
            id=placeholders.identity(request.type, request.name) if request.custom else "",
            object=values.answer(request.object, computed, secret_outputs),
        )

    def _computed(self, request: Any, index: int, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the cloud would add. A droplet has an address in its own network."""
        computed = placeholders.computed(request.type, request.name, index, inputs)
        if request.type == VPC and isinstance(inputs.get("ipRange"), str):
            self._networks[placeholders.identity(request.type, request.name)] = inputs["ipRange"]
        network = self._networks.get(str(inputs.get("vpcUuid")))
        if network and "ipv4AddressPrivate" in computed:
            computed["ipv4AddressPrivate"] = placeholders.private_address(network, index)
        return computed

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.outputs[request.urn] = values.decode(request.outputs)
        return Empty()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        urn = make_urn(self.stack, self.project, request.parent or None, request.type, request.name)
        properties = request.properties
        is_own = request.type == STACK_REFERENCE and request.name == f"{ORGANIZATION}/{self.project}/{self.stack}"
        if not is_own:  # a plan is of the first update: the stack's own last one has left nothing
            self.lookups.append(f"{request.type} {request.name}")
        if request.type == STACK_REFERENCE:
            properties.update({"outputs": {}, "secretOutputNames": []})
        return resource_pb2.ReadResourceResponse(urn=urn, properties=properties)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        response = resource_pb2.ResourceInvokeResponse()
        if request.tok in placeholders.INVOKES:
            getattr(response, "return").update(dict(placeholders.INVOKES[request.tok]))
        else:
            self.lookups.append(request.tok)
        return response

    def Call(self, request: Any) -> Any:  # noqa: N802
        self.lookups.append(request.tok)
        return provider_pb2.CallResponse()

    def SupportsFeature(self, request: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id != "outputValues")

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")

    def _ignored(self, request: Any) -> Any:
        return Empty()

    # what changes a registration later, or only matters to an engine that makes things, has no bearing on a plan
    RegisterStackTransform = RegisterStackInvokeTransform = RegisterResourceHook = RegisterErrorHook = _ignored
    SignalAndWaitForShutdown = _ignored


def _record(urn: str, request: Any, decoded: values.Decoded, computed: dict[str, Any]) -> Resource:
    root = request.parent.split("::")[2] == STACK if request.parent else True
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=None if root else request.parent,
        inputs=decoded.values,
        outputs=computed,
        secret_paths=frozenset(decoded.secrets),
        unknown_paths=frozenset(decoded.unknowns),
        protect=request.protect,
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies={
            key: tuple(sorted(deps.urns)) for key, deps in sorted(request.propertyDependencies.items()) if deps.urns
        },
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        aliases=tuple(alias.urn or alias.spec.name for alias in request.aliases),
        delete_before_replace=request.deleteBeforeReplace,
        retain_on_delete=request.retainOnDelete,
        provider=request.provider or None,
        version=request.version or None,
    )


class Engine:
    """Takes the program's messages. `messages` holds warnings and errors."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any) -> Any:  # noqa: N802
        if request.severity in (engine_pb2.WARNING, engine_pb2.ERROR):
            self.messages.append(request.message.strip())
        return Empty()

    def RequirePulumiVersion(self, request: Any) -> Any:  # noqa: N802
        return engine_pb2.RequirePulumiVersionResponse()
