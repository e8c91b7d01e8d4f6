"""Docker in memory: answers the command lines of a release as the real one does, as far as a release looks."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from scripts.host.commands import Commands
from scripts.host.progress import Progress
from scripts.host.run import HostError

ONE = "registry.example.com/app@sha256:" + "1" * 64
TWO = "registry.example.com/app@sha256:" + "2" * 64
SITE = "registry.example.com/site@sha256:" + "3" * 64

Answer = tuple[int, str, str]


@dataclass
class Box:
    """A container."""

    id: str
    service: str
    project: str
    image: str
    status: str = "running"
    restarts: int = 0
    policy: str = "on-failure"
    health: str | None = None
    labels: dict[str, str] = field(default_factory=dict)

    def inspected(self) -> dict[str, Any]:
        own = {"com.docker.compose.project": self.project, "com.docker.compose.service": self.service}
        state: dict[str, Any] = {"Status": self.status}
        if self.health:
            state["Health"] = {"Status": self.health}
        return {
            "Id": self.id,
            "Name": f"/{self.id}",
            "Config": {"Labels": {**own, **self.labels}},
            "State": state,
            "RestartCount": self.restarts,
            "HostConfig": {"RestartPolicy": {"Name": self.policy}},
            "NetworkSettings": {"Networks": {"tiny": {"IPAddress": "172.30.0.9", "Aliases": [self.service]}}},
        }


class FakeDocker(Commands):
    """Takes the place of what runs programs.

    `registry` has the user of each image that can be pulled; `sent_as` what an image is by its own digests, where that
    is another than it is asked for by.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        super().__init__(None, Path("/root"), progress or Progress(None, out=io.StringIO()))
        self.registry: dict[str, str] = {ONE: "app", TWO: "1000:1000", SITE: "nginx"}
        self.refusals: dict[str, list[str]] = {}
        self.here: dict[str, str] = {}
        self.sent_as: dict[str, str] = {}
        self.boxes: dict[str, Box] = {}
        self.networks, self.volumes = {"bridge"}, set[str]()
        self.written: dict[str, str] = {}
        self.unready: set[str] = set()
        self.dies: set[str] = set()
        self.failing_jobs: set[str] = set()
        self.users: dict[str, str] = {}
        self.dumped = b""
        self.listed = ""
        self.ran: list[list[str]] = []
        self.count = 0

    def output(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        timeout: float = 60,
        source: IO[bytes] | None = None,
    ) -> Answer:
        assert argv[0] == "docker"
        assert environment["HOME"] == "/root"
        return self._answer(list(argv[1:]))

    def logged(
        self,
        argv: Sequence[str],
        what: str,
        cwd: Path,
        environment: Mapping[str, str],
        timeout: float = 900,
        gentle: bool = True,
        target: IO[bytes] | None = None,
    ) -> None:
        code, _, stderr = self._answer(list(argv[1:]))
        for line in stderr.splitlines():
            self.progress.log(line)
        if code:
            raise HostError(f"`{what}` exited with {code}")
        if target is not None:
            target.write(self.dumped)

    def started(self, *verb: str) -> list[list[str]]:
        """The command lines that began so, without what they have in common."""
        return [argv[len(verb) :] for argv in self.ran if tuple(argv[: len(verb)]) == verb]

    def running(self, project: str) -> dict[str, int]:
        """How many containers of each service run."""
        services = [box.service for box in self.boxes.values() if box.project == project and box.status == "running"]
        return {service: services.count(service) for service in services}

    def _answer(self, argv: list[str]) -> Answer:
        self.ran.append(argv)
        words = (
            [argv[0].replace("-", "_"), argv[1]]
            if argv[0] in ("container", "image", "network", "volume")
            else [argv[0]]
        )
        rest = argv[len(words) :]
        answer: Answer = getattr(self, "_" + "_".join(words))(rest)
        return answer

    def _version(self, rest: list[str]) -> Answer:
        return 0, "26.1.5\n", ""

    def _ps(self, rest: list[str]) -> Answer:
        [(kind, _, wanted)] = [rest[rest.index("--filter") + 1].partition("=")]
        found = []
        for box in self.boxes.values():
            labels = box.inspected()["Config"]["Labels"]
            name, _, value = wanted.partition("=")
            if kind == "network" or labels.get(name) == value:
                found.append(box.id)
        return 0, "\n".join(found), ""

    def _container_inspect(self, ids: list[str]) -> Answer:
        found = [self.boxes[one].inspected() for one in ids if one in self.boxes]
        return int(len(found) < len(ids)), json.dumps(found), ""

    def _stop(self, rest: list[str]) -> Answer:
        self.boxes[rest[-1]].status = "exited"
        return 0, "", ""

    def _rm(self, rest: list[str]) -> Answer:
        found = [one for one, box in self.boxes.items() if rest[-1] in (one, box.labels.get("name"))]
        for one in found:
            del self.boxes[one]
        return (0, "", "") if found else (1, "", f"Error response from daemon: No such container: {rest[-1]}")

    def _update(self, rest: list[str]) -> Answer:
        for one in rest[2:]:
            self.boxes[one].policy = rest[1]
        return 0, "", ""

    def _logs(self, rest: list[str]) -> Answer:
        return 0, self.written.get(self.boxes[rest[-1]].service, ""), ""

    def _exec(self, rest: list[str]) -> Answer:
        return int(self.boxes[rest[0]].service in self.unready), "", ""

    def _pull(self, rest: list[str]) -> Answer:
        image = rest[-1]
        if self.refusals.get(image):
            return 1, "", self.refusals[image].pop(0)
        if image not in self.registry:
            return 1, "", f"Error response from daemon: manifest for {image} not found: manifest unknown"
        self.here[image] = self.registry[image]
        return 0, "", ""

    def _image_inspect(self, rest: list[str]) -> Answer:
        image = rest[-1]
        if image not in self.here:
            return 1, "[]", f"Error: No such image: {image}"
        return (
            0,
            json.dumps([{"RepoDigests": [self.sent_as.get(image, image)], "Config": {"User": self.here[image]}}]),
            "",
        )

    def _image_ls(self, rest: list[str]) -> Answer:
        lines = []
        for image in self.here:
            name, _, digest = image.partition("@")
            lines.append(json.dumps({"Repository": name, "Tag": "<none>", "Digest": digest or "<none>"}))
        return 0, "\n".join(lines), ""

    def _image_rm(self, rest: list[str]) -> Answer:
        if any(box.image == rest[-1] for box in self.boxes.values()):
            return 1, "", "conflict: unable to remove"
        del self.here[rest[-1]]
        return 0, "", ""

    def _network_ls(self, rest: list[str]) -> Answer:
        return 0, "\n".join(self.networks), ""

    def _volume_ls(self, rest: list[str]) -> Answer:
        return 0, "\n".join(self.volumes), ""

    def _network_create(self, rest: list[str]) -> Answer:
        self.networks.add(rest[-1])
        return 0, "", ""

    def _volume_create(self, rest: list[str]) -> Answer:
        self.volumes.add(rest[-1])
        return 0, "", ""

    def _run(self, rest: list[str]) -> Answer:
        """A tool in a container of its own."""
        return (1, "", "could not connect") if "dump" in self.failing_jobs else (0, self.listed, "")

    def _compose(self, rest: list[str]) -> Answer:
        options, rest = rest[:8], rest[8:]
        project, home = options[1], Path(options[3])
        assert options[4:] == ["--file", f"{home}/compose.yaml", "--env-file", f"{home}/.env"]
        env = dict(line.split("=", 1) for line in (home / ".env").read_text().splitlines())
        assert env["COMPOSE_PROJECT_NAME"] == project
        config = json.loads((home / "release.json").read_text())
        if rest[0] == "config":
            services = {
                entry["name"]: {"image": env[f"{entry['name'].upper()}_IMAGE"], "user": self.users.get(entry["name"])}
                for entry in config["services"]
            }
            outside = {"networks": {"default": {"name": "tiny", "external": True}}}
            kept = {"volumes": {"kept": {"name": "tiny-kept", "external": True}, "own": {"name": "own"}}}
            return 0, json.dumps({"services": services, **outside, **kept}), ""
        if rest[0] == "run":
            return self._job(project, rest)
        return self._up(project, env, {entry["name"]: entry for entry in config["services"]}, rest)

    def _job(self, project: str, rest: list[str]) -> Answer:
        name, label = rest[rest.index("--name") + 1], rest[rest.index("--label") + 1]
        service = rest[rest.index("--label") + 2]
        if service in self.failing_jobs:
            return 3, "", "relation exists already"
        key, _, value = label.partition("=")
        self.boxes[name] = Box(name, service, project, "", labels={key: value, "name": name})
        del self.boxes[name]
        return 0, "", f"ran {shlex.join(rest[rest.index(service) + 1 :])}"

    def _up(self, project: str, env: dict[str, str], known: dict[str, Any], rest: list[str]) -> Answer:
        wanted = [word for word in rest[1:] if word in known]
        for service in wanted:
            image = env[f"{service.upper()}_IMAGE"]
            if image not in self.here:
                return 1, "", f"Error response from daemon: No such image: {image}"
            runs = sum((box.project, box.service) == (project, service) for box in self.boxes.values())
            for number in range(runs if "--no-recreate" in rest else 0, known[service].get("replicas", 1)):
                self.count += 1
                box = Box(f"id{self.count}-{service}-{number}", service, project, image)
                box.status = "exited" if service in self.dies else "running"
                box.restarts = 3 if service in self.dies else 0
                self.boxes[box.id] = box
        return 0, "", ""
