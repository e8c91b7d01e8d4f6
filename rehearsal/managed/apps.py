"""Apps: images that the cloud runs, checks and replaces, behind a way in of their own.

A deployment runs the jobs before it, starts the new instances beside the old ones, and asks for their health; only then
requests go to the new ones, and the old ones drain and end. One that fails leaves everything as it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rehearsal import firewall
from rehearsal.addresses import GATEWAY, at
from rehearsal.managed import authority, ingress
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.instances import LOG_PORT, Instances
from rehearsal.managed.logs import GUEST, LogReceivers
from rehearsal.managed.proxy import PROGRAM, Proxy
from rehearsal.managed.servers import Files, Servers
from rehearsal.model import AppPart, AppSpec, CloudError, DeploymentError, InboundRule, Server
from rehearsal.state import ServerState

KIND = "app"
_CONTROL, _FORWARDER = "control", "forwarder"
_AUTHORITIES = f"{ingress.DIRECTORY}/authorities.pem"
_LONGEST_JOB = 600  # seconds; the platform gives a job more, and a rehearsal has none that needs it
_STEADY = 5.0  # seconds that a worker has to run before it counts as started
_RESTARTS = 3  # of a new instance, before it is given up

Admit = Callable[[Sequence[str]], None]
"""Is told the addresses of all instances before a new one starts, so that databases let them in."""


@dataclass(frozen=True)
class Apps:
    """Makes, deploys and removes them."""

    servers: Servers
    certificates: Certificates

    @property
    def instances(self) -> Instances:
        """What the apps run."""
        return Instances(self.servers)

    @property
    def receivers(self) -> LogReceivers:
        """Who takes their logs."""
        return LogReceivers(self.servers, self.certificates)

    def create(self, name: str, network_id: str) -> Server:
        """An app with its addresses that answers nobody before it is deployed."""
        record = self.servers.make(KIND, name, network_id)
        gateway = at(self.servers.store.read().subnet, GATEWAY)
        rules = [
            InboundRule("tcp", "80", ("0.0.0.0/0",)),
            InboundRule("tcp", "443", ("0.0.0.0/0",)),
            InboundRule("udp", str(LOG_PORT), (f"{gateway}/32",)),
        ]
        self.servers.docker.exec(record.anchor, ["nft", "-f", "-"], input=firewall.ruleset(rules, None))
        self.instances.resolve(record.anchor)
        self.servers.run(record.id, _CONTROL, ["sleep", "infinity"], self._control_files(), "--stop-timeout=0")
        return self.servers.shown(record)

    def _control_files(self) -> Files:
        authorities = "".join(self.servers.store.read().authorities.values())
        programs = ("manifest.py", "forward.py")
        return [
            (_AUTHORITIES, authorities.encode(), 0o644),
            *((f"{ingress.DIRECTORY}/{name}", (GUEST / name).read_bytes(), 0o644) for name in programs),
        ]

    def all(self) -> list[Server]:
        """All apps."""
        return self.servers.all(KIND)

    def delete(self, app_id: str) -> None:
        """Removes an app with its instances and its logs; any other server, too. Absent: nothing to do."""
        self.instances.remove(self.instances.of(app_id, "instance", "job", "logs"))  # a replica of a database is none
        self.servers.remove(app_id)

    def deploy(self, app_id: str, spec: AppSpec, deployment: str, admit: Admit) -> None:
        """Brings a deployment to its end. DeploymentError where it fails, and then the former one still serves."""
        app, former = self.servers.find(app_id), self.instances.of(app_id, "instance")
        self.instances.remove(self.instances.of(app_id, "job"))  # of one that was cut short
        images = {part.name: self._image(app, part) for part in spec.parts}
        self._forward_logs(app, spec)
        made: list[ServerState] = []
        try:
            for part in _of(spec, "before"):
                self._job(app, part, images[part.name], deployment, admit)
            for part in _of(spec, "service", "worker"):
                made += [self.instances.place(app, part, deployment) for _ in range(part.instances)]
            admit(self.addresses(app_id))
            parts = {part.name: part for part in spec.parts}
            for record in made:
                self.instances.start(record, app, parts[record.part], images[record.part])
            for part in _of(spec, "service", "worker"):
                self._await(app, part, [record for record in made if record.part == part.name])
            self._lead(app, spec, made)
            self.servers.note(app_id, deployment=deployment)
        except CloudError:
            self.instances.remove(made)
            raise
        self.instances.retire(former, max((p.drain for p in spec.parts), default=0), max(p.grace for p in spec.parts))
        for part in _of(spec, "after"):
            self._job(app, part, images[part.name], deployment, admit)

    def receive_logs(self, app_id: str, endpoint: str) -> Server:
        """Has somebody take the app's logs at this endpoint."""
        return self.receivers.create(self.servers.find(app_id), endpoint)

    def addresses(self, app_id: str) -> list[str]:
        """The private addresses of everything that runs for it."""
        return sorted(record.private_address for record in self.instances.of(app_id, "instance", "job"))

    def serving(self, app_id: str) -> list[ServerState]:
        """The instances of the deployment that serves; those of the one before it may still drain."""
        deployment = self.servers.find(app_id).deployment
        return [record for record in self.instances.of(app_id, "instance") if record.deployment == deployment]

    def _image(self, app: ServerState, part: AppPart) -> str:
        """The id of the image, which the registry has to know and to let the app have."""
        repository, _, digest = part.image.partition("@")
        server, _, path = repository.partition("/")
        wanted = {"server": server, "repository": path, "digest": digest, "credentials": part.credentials}
        script = ["python3", f"{ingress.DIRECTORY}/manifest.py", _AUTHORITIES]
        control = self.servers.find(app.id).containers[_CONTROL]
        said = json.loads(self.servers.docker.exec(control, script, input=json.dumps(wanted)).stdout)
        if "error" in said:
            raise DeploymentError("build", part.name, "ImagePullFailed", f"{part.image}: {said['error']}")
        # Its layers need not travel: what the registry has was built in this very engine.
        if not self.servers.docker.inspect(said["image"], "image"):
            raise CloudError(f"{part.image}: the container engine of this machine has lost the image; rehearse anew")
        return str(said["image"])

    def _job(self, app: ServerState, part: AppPart, image: str, deployment: str, admit: Admit) -> None:
        record = self.instances.place(app, part, deployment, "job")
        try:
            admit(self.addresses(app.id))
            container = self.instances.start(record, app, part, image)
            waited = self.servers.docker.call("wait", container, timeout=_LONGEST_JOB)
            code = int(waited.stdout.strip())
            if code:
                step = "pre-deploy" if part.role == "before" else "post-deploy"
                raise DeploymentError(step, part.name, "DeployContainerExitNonZero", f"the job exited with code {code}")
        finally:
            self.instances.remove([record])

    def _await(self, app: ServerState, part: AppPart, records: Sequence[ServerState]) -> None:
        """Until all are well; DeploymentError for the first that is not in time."""
        probe, begun = part.probe, time.monotonic()
        waiting = [self.servers.find(record.id) for record in records]
        passed = dict.fromkeys((record.id for record in records), 0)
        if probe:
            time.sleep(probe.delay)
        patience = probe.period * probe.failures if probe else _STEADY * 4
        while waiting:
            for record in waiting:
                if self.instances.condition(record).get("RestartCount", 0) >= _RESTARTS:
                    why = "the container exited with a non-zero exit code"
                    raise DeploymentError("deploy", part.name, "DeployContainerExitNonZero", why)
                passed[record.id] = passed[record.id] + 1 if self._well(app, part, record) else 0
            needed = probe.successes if probe else 1
            waiting = [record for record in waiting if passed[record.id] < needed]
            if waiting and time.monotonic() - begun > patience:
                where = f"{probe.path} on port {probe.port}" if probe else "running"
                why = f"the container did not respond to health checks ({where}) within {patience:.0f} s"
                raise DeploymentError("deploy", part.name, "DeployContainerHealthChecksFailed", why)
            if waiting:
                time.sleep(min(probe.period, 1) if probe else 1)

    def _well(self, app: ServerState, part: AppPart, record: ServerState) -> bool:
        if part.probe is None:
            condition = self.instances.condition(record)
            return bool(condition.get("Running")) and condition.get("RestartCount") == 0
        control = self.servers.find(app.id).containers[_CONTROL]
        url = f"http://{record.private_address}:{part.probe.port}{part.probe.path}"
        asked = ["curl", "-fsS", "-o", "/dev/null", "--max-time", str(part.probe.timeout), url]
        return self.servers.docker.exec(control, asked, check=False).returncode == 0

    def _forward_logs(self, app: ServerState, spec: AppSpec) -> None:
        """Before anything runs, so that nothing is lost; only where the destinations are others than before."""
        destinations = tuple(sorted({endpoint for part in spec.parts for endpoint in part.logs_to}))
        record = self.servers.find(app.id)
        if record.names == destinations and (not destinations or _FORWARDER in record.containers):
            return
        self.servers.note(app.id, names=destinations)
        if not destinations:
            self.servers.stop(app.id, _FORWARDER)
            return
        program = f"{ingress.DIRECTORY}/forward.py"
        command = ["python3", program, str(LOG_PORT), _AUTHORITIES, spec.name, *destinations]
        self.servers.run(app.id, _FORWARDER, command, self._control_files(), "--stop-timeout=0")

    def _lead(self, app: ServerState, spec: AppSpec, made: Sequence[ServerState]) -> None:
        """Requests go to these instances from now on, and to no others."""
        certificate = authority.issue(self.certificates.acme(), spec.names)
        led = {
            part.name: [(record.id, record.private_address) for record in made if record.part == part.name]
            for part in _of(spec, "service")
        }
        text = ingress.configuration(spec, led)
        files = [(ingress.CERTIFICATE, f"{certificate.chain}{certificate.key}".encode(), 0o600)]
        proxy = Proxy(self.servers, ingress.DIRECTORY, ingress.MASTER)
        container = self.servers.find(app.id).containers.get(PROGRAM)
        if container is None:
            proxy.start(app.id, text, files, "TCP:127.0.0.1:443")
        else:
            proxy.change(container, text, files)


def _of(spec: AppSpec, *roles: str) -> list[AppPart]:
    return [part for part in spec.parts if part.role in roles]
