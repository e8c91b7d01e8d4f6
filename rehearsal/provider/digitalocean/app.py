"""Apps on App Platform: containers that the local cloud runs, checks and replaces."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rehearsal.model import CloudError, DeploymentError
from rehearsal.provider.digitalocean import app_rules as rules
from rehearsal.provider.digitalocean import dns
from rehearsal.provider.digitalocean.app_secrets import Vault, as_answered, closed, opened, read_back, typed
from rehearsal.provider.digitalocean.app_spec import app_of, components, domains, endpoints
from rehearsal.provider.digitalocean.trust import apply_trust
from rehearsal.provider.resource import Context, Failure, PartialError, RefusedError, Resource, now
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties, is_unknown

TABLE = "apps"
_DOMAIN = "ondigitalocean.app"


class App(Resource):
    """`digitalocean:index/app:App`. Every change of its specification is a deployment, and is waited for.

    The account keeps how many deployments there were, and each with what became of it.
    """

    token = "digitalocean:index/app:App"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = ("dedicatedIps", "deploymentPerPage", "projectId", "spec")
    computed = (
        "activeDeploymentId",
        "appUrn",
        "createdAt",
        "defaultIngress",
        "liveDomain",
        "liveUrl",
        "projectId",
        "updatedAt",
    )
    volatile = ("activeDeploymentId", "liveDomain", "liveUrl", "updatedAt")
    # sets in the provider's schema
    unordered = frozenset({"envs", "alerts", "features", "emails", "slackWebhooks"})

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        spec = inputs.get("spec")
        if spec is None or spec is UNKNOWN or any(value is UNKNOWN for value in spec.values()):
            return []
        return list(rules.failures(spec))

    def compared(self, old: Properties, state: Properties) -> Properties:
        """With what the platform answered: that is what the provider compares what a program sends with."""
        if "spec" not in old or "spec" not in state or is_unknown(old["spec"]):
            return old
        return {**old, "spec": typed(as_answered(old["spec"], state["spec"]))}

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        spec, identifier = inputs.get("spec"), str(uuid.uuid4())
        error = "Error creating App: POST https://api.digitalocean.com/v2/apps: 400 "
        if spec is None:
            raise RefusedError(f"{error}spec is required")
        moment, key = now(), Vault.new_key()
        with context.store.transaction() as account:
            self._refuse(account, identifier, spec, error)
            account[TABLE][identifier] = {
                "key": key,
                "spec": _kept(spec, Vault(key), error),
                "vpcUuid": spec["vpcs"][0]["id"],
                "names": domains(spec),
                "ingress": f"{spec['name']}-{secrets.token_hex(4)[:5]}.{_DOMAIN}",
                "active": "",
                "addresses": [],
                "deployments": [],
                "createdAt": moment,
                "updatedAt": moment,
                "projectId": inputs.get("projectId", ""),
            }
        context.log(f"making the app {spec['name']}")
        try:
            addresses = context.cloud.add_app(identifier, spec["name"], spec["vpcs"][0]["id"])
        except CloudError as error:
            self._forget(context, identifier)
            raise RefusedError(f"the local cloud could not make {spec['name']}: {error}") from error
        with context.store.transaction() as account:
            account[TABLE][identifier].update(ip=addresses.public)
        dns.publish(context)
        self._deploy(context, identifier)
        return identifier, self._shown(context, identifier)

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        if identifier not in context.store.read()[TABLE]:
            return None
        if not context.cloud.serves(identifier):
            self._forget(context, identifier)
            return None
        shown = self._shown(context, identifier)
        return {**shown, "spec": read_back(shown["spec"])}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        spec, error = inputs["spec"], f"Error updating app ({identifier}): 400 "
        if spec == state["spec"]:  # what else there is to change is no deployment
            return self._shown(context, identifier)
        with context.store.transaction() as account:
            row = account[TABLE].get(identifier)
            if row is None:
                raise RefusedError(f"Error updating app ({identifier}): 404 app not found")
            self._refuse(account, identifier, spec, error)
            row.update(spec=_kept(spec, Vault(row["key"]), error), names=domains(spec), updatedAt=now())
        dns.publish(context)
        self._deploy(context, identifier)
        return self._shown(context, identifier)

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        context.cloud.remove_server(identifier)
        self._forget(context, identifier)

    def _forget(self, context: Context, identifier: str) -> None:
        with context.store.transaction() as account:
            account[TABLE].pop(identifier, None)
        dns.publish(context)
        apply_trust(context)

    def _refuse(self, account: Account, identifier: str, spec: Mapping[str, Any], error: str) -> None:
        rows = account[TABLE]
        former = rows.get(identifier, {}).get("spec")
        try:
            rules.refuse(account, {key: row for key, row in rows.items() if key != identifier}, spec, former)
        except RefusedError as refusal:
            raise RefusedError(f"{error}{refusal}") from None

    def _deploy(self, context: Context, identifier: str) -> None:
        """Waits for it. PartialError where it fails: the app is there, and what served before still does."""
        row, deployment = context.store.read()[TABLE][identifier], str(uuid.uuid4())
        spec = app_of(opened(row["spec"], Vault(row["key"])), row["ingress"])
        self._note(context, identifier, deployment, "DEPLOYING")
        context.log(f"deploying {spec.name} ({deployment})")
        try:
            self._collect_logs(context, identifier, endpoints(row["spec"]))
            context.cloud.deploy(identifier, spec, deployment, _admit(context, identifier))
        except CloudError as error:
            self._note(context, identifier, deployment, "ERROR")
            raise PartialError(
                _failed(row, identifier, deployment, error), identifier, self._shown(context, identifier)
            ) from None
        self._note(context, identifier, deployment, "ACTIVE")

    def _collect_logs(self, context: Context, identifier: str, places: Sequence[str]) -> None:
        """Whoever collects logs in the world does so here, too."""
        found = {place: context.cloud.receive_logs(identifier, place) for place in places}
        with context.store.transaction() as account:
            account[TABLE][identifier]["receivers"] = found
        if found:
            dns.publish(context)

    def _note(self, context: Context, identifier: str, deployment: str, phase: str) -> None:
        with context.store.transaction() as account:
            row = account[TABLE][identifier]
            row["deployments"] = [each for each in row["deployments"] if each["id"] != deployment]
            row["deployments"].append({"id": deployment, "phase": phase})
            if phase == "ACTIVE":
                row["active"] = deployment

    def _shown(self, context: Context, identifier: str) -> Properties:
        row = context.store.read()[TABLE][identifier]
        domain = (row["names"] or [row["ingress"]])[0] if row["active"] else ""
        return {
            "spec": row["spec"],
            "activeDeploymentId": row["active"],
            "appUrn": f"do:app:{identifier}",
            "createdAt": row["createdAt"],
            "updatedAt": row["updatedAt"],
            "defaultIngress": f"https://{row['ingress']}",
            "liveDomain": domain,
            "liveUrl": f"https://{domain}" if domain else "",
            "projectId": row["projectId"],
        }


def _kept(spec: Mapping[str, Any], vault: Vault, error: str) -> dict[str, Any]:
    try:
        return closed(spec, vault)
    except ValueError as reason:
        raise RefusedError(f"{error}{reason}") from None


def _admit(context: Context, identifier: str) -> Callable[[Sequence[str]], None]:
    """What is told the addresses of everything that runs for the app: databases that trust it let them in."""

    def admit(addresses: Sequence[str]) -> None:
        with context.store.transaction() as account:
            account[TABLE][identifier]["addresses"] = sorted(addresses)
        apply_trust(context)

    return admit


def _failed(row: Record, identifier: str, deployment: str, error: CloudError) -> str:
    """What the provider says of it (waitForAppDeployment in resource_app.go): the steps, and the reason at the last."""
    if not isinstance(error, DeploymentError):
        return f"error deploying app ({identifier}) (deployment ID: {deployment}):\n{error}"
    names = ", ".join(component["name"] for _, component in components(row["spec"]))
    reason = f'Reason:{{Code:"{error.code}", Message:"{error.message}"}}'
    return (
        f"error deploying app ({identifier}) (deployment ID: {deployment}):\n"
        f'DeploymentProgress{{ErrorSteps:1, Steps:[{{Name:"{error.step}", Status:"ERROR", '
        f'ComponentName:"{error.part}", {reason}}}]}} (components: {names})'
    )


def deployments(account: Account, name: str) -> list[Record]:
    """All deployments of the app of this name, the first one first."""
    return [each for row in account[TABLE].values() if row["spec"]["name"] == name for each in row["deployments"]]
