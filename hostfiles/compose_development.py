"""compose.yaml for a laptop and for CI: the same containers as on a host, and everything that backs them beside them.

What differs is said by the developer's own `.env`, which Compose reads: secrets, and whatever should be another value
or image than the stack file's. Passwords of what runs beside are no secret there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hostfiles import compose, engines, environment, local_urls
from hostfiles.compose import Model, literal
from settings.backing import AnyBacking, MongoDB, ObjectStorage, Postgres, RabbitMQ, Redis, engine_image
from settings.product import Product, Service
from settings.stack import Settings
from settings.variables import Generated, Secret, fact_of

PASSWORD = "development"  # noqa: S105  (of nothing but what runs on a laptop)
HEADER = "Made by `make compose` from the stack file, for development. What is to be otherwise here goes into .env."

_RABBITMQ = "docker.io/library/rabbitmq:4"
_MINIO = "docker.io/minio/minio:RELEASE.2025-04-22T22-12-26Z"
"""An S3-compatible store of one container."""
_CACHE_MIB = 256
_LOCAL = "localhost,127.0.0.1"
_PLAIN = re.compile(r"[^${}]*")


def development(settings: Settings) -> Model:
    """The compose file."""
    product = settings.product
    model: Model = {"name": product.name, "services": {}}
    jobs = {f"job-{name}": job for name, job in product.jobs.items() if job.when == "before-switch"}
    ready = {name: {"condition": "service_healthy"} for name in product.backing}
    done = {name: {"condition": "service_completed_successfully"} for name in jobs}
    ports = dict(_ports(product))
    for name, service in product.services.items():
        model["services"][name] = _service(settings, name, service, ports, {**ready, **done})
    for name, job in jobs.items():
        made = _service(settings, job.service, product.services[job.service], ports, ready)
        kept = {key: value for key, value in made.items() if key not in ("healthcheck", "deploy", "ports")}
        model["services"][name] = {**kept, "command": compose.words(job.command), "restart": "no"}
    for name, backing in product.backing.items():
        model["services"][name] = _backing(product, name, backing)
    files = {name: engine.file for name, engine in _engines(product).items() if engine.file is not None}
    if files:
        model["configs"] = {name: {"content": literal(text)} for name, text in files.items()}
    volumes = {volume for service in product.services.values() for volume in service.volumes}
    volumes |= {_volume(name) for name in product.backing}
    return {**model, **({"volumes": {name: {} for name in sorted(volumes)}} if volumes else {})}


def _service(settings: Settings, name: str, service: Service, ports: Mapping[str, int], needed: Model) -> Model:
    product = settings.product
    variable = compose.variable(name)
    made: Model = {
        "image": f"${{{variable}_IMAGE:-{product.release.images[service.image or name]}}}",
        "environment": _environment(settings, name, ports),
        **compose.container(product, service),
    }
    made["deploy"] = {"replicas": 1, **compose.limits(service.memory, service.cpu)}
    if name in ports:
        made["ports"] = [f"127.0.0.1:${{{variable}_PORT:-{ports[name]}}}:{service.port}"]
    if needed:
        made["depends_on"] = needed
    return made


def _ports(product: Product) -> Iterator[tuple[str, int]]:
    """The port of each web service on the laptop: its own, or the next that is free."""
    taken: set[int] = set()
    for name, service in product.services_of("web").items():
        port = service.port or 0
        while port in taken:
            port += 1
        taken.add(port)
        yield name, port


def _environment(settings: Settings, name: str, ports: Mapping[str, int]) -> dict[str, str]:
    product = settings.product
    secrets = {secret: f"${{{secret}:?set {secret} in .env}}" for _, secret in product.secret_references()}
    generated = {
        key: f"${{{key.rpartition('.')[2]}:-{(f'{PASSWORD}-' * value.generate)[: value.generate]}}}"
        for key, value in product.generated_values()
    }
    known = environment.service_variables(settings, name, secrets, generated, _facts(product))
    said = {**product.environment, **product.services[name].environment}
    domains = ",".join(product.domains)
    made = {}
    for variable, text in known.items():
        if isinstance(said.get(variable), Secret | Generated):
            made[variable] = text
        else:
            shown = f"{_LOCAL},{domains}" if text == domains else local_urls.local(product, name, text, ports)
            made[variable] = f"${{{variable}:-{shown}}}" if _changeable(text) else shown
    return made


def _changeable(text: str) -> bool:
    """Whether `.env` may say otherwise than this text. Compose can't be given every text so."""
    return _PLAIN.fullmatch(text) is not None


def _facts(product: Product) -> dict[str, dict[str, str]]:
    """How the containers reach each other, whoever provides them elsewhere."""
    facts = {name: engines.facts(product, name, PASSWORD, [name]) for name in _engines(product)}
    for name, backing in product.backing.items():
        if isinstance(backing, RabbitMQ):
            url = f"amqp://{PASSWORD}:{PASSWORD}@{name}:5672/"
            facts[name] = {"url": url, "host": name, "port": "5672", "user": PASSWORD, "password": PASSWORD}
        elif isinstance(backing, ObjectStorage):
            keys = {"access_key": PASSWORD, "secret_key": PASSWORD}
            where = {"bucket": backing.bucket or name, "endpoint": f"http://{name}:9000", "region": "us-east-1"}
            facts[name] = {**where, **keys, "url": where["endpoint"]}
        elif isinstance(backing, Postgres):  # no pooler is beside it: whoever wants a pool gets the database
            own = dict(facts[name])
            facts[name] |= {fact_of(pool, field): text for pool in backing.pools for field, text in own.items()}
    return facts


def _engines(product: Product) -> dict[str, engines.Engine]:
    passwords = {key: PASSWORD for name in product.backing for key in (name, engines.administrator(name))}
    return {
        name: engines.engine(product, name, passwords, backing.memory or _CACHE_MIB, [name])
        for name, backing in product.backing.items()
        if isinstance(backing, Postgres | MongoDB | Redis)
    }


def _backing(product: Product, name: str, backing: AnyBacking) -> Model:
    safe = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges=true"]}
    if isinstance(backing, RabbitMQ):
        return {
            "image": _RABBITMQ,
            "hostname": name,
            "environment": {"RABBITMQ_DEFAULT_PASS": PASSWORD, "RABBITMQ_DEFAULT_USER": PASSWORD},
            "cap_add": engines.RIGHTS,
            "healthcheck": engines.health(["CMD", "rabbitmq-diagnostics", "--quiet", "ping"]),
            **safe,
            "volumes": [f"{_volume(name)}:/var/lib/rabbitmq"],
        }
    if isinstance(backing, ObjectStorage):
        return {
            "image": _MINIO,
            "entrypoint": ["/bin/sh", "-c", f"mkdir -p /data/{backing.bucket or name} && exec minio server /data"],
            "environment": {"MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_ROOT_USER": PASSWORD},
            "healthcheck": engines.health(["CMD", "mc", "ready", "local"]),
            **safe,
            "volumes": [f"{_volume(name)}:/data"],
        }
    engine = _engines(product)[name]
    made = {"image": engine_image(backing), "environment": dict(engine.variables), **engine.container, **safe}
    made["volumes"] = [f"{_volume(name)}:{engine.data}"]
    if engine.file is not None:
        made["configs"] = [{"source": name, "target": engines.FILE}]
    if backing.memory is not None:
        made["deploy"] = compose.limits(backing.memory, processes=engines.MOST_PROCESSES)
    return made


def _volume(name: str) -> str:
    """No volume of a service has an underscore in its name."""
    return f"data_{name}"
