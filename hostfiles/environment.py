"""The product's environment: one set of variables for all services, or one for each container; as files, and as
`.env.example`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from settings.backing import FIELDS, AnyBacking, ObjectStorage
from settings.stack import Settings
from settings.variables import EnvironmentValue, Generated, Secret, Wired

Facts = Mapping[str, Mapping[str, str]]

_PORTS = {"postgres": 5432, "redis": 6379, "rabbitmq": 5672, "mongodb": 27017}


def resolve(
    settings: Settings, secrets: Mapping[str, str], generated: Mapping[str, str], facts: Facts
) -> dict[str, str]:
    """Every variable with its value, sorted by name.

    `facts` are of the backing services that somebody provides for us; those of external ones come from their secrets.
    A variable of the stack file is never changed. Where the file is silent: `DEBUG` is False and `ALLOWED_HOSTS` the
    product's names (requirement FF10); a single bucket's keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (FF7).
    Raises ValueError, with names and without values, for a variable that can't be given a value.
    """
    known = {**external_facts(settings, secrets), **facts}
    variables = _defaults(settings, known)
    for variable, value in settings.product.environment.items():
        variables[variable] = _value(settings, variable, value, secrets, generated, known)
    return dict(sorted(variables.items()))


def service_variables(
    settings: Settings, service: str, secrets: Mapping[str, str], generated: Mapping[str, str], facts: Facts
) -> dict[str, str]:
    """Every variable of one service's containers, sorted by name: the product's (see `resolve`), the service's own over
    them.

    `generated` has the keys of Product.generated_values.
    """
    known = {**external_facts(settings, secrets), **facts}
    variables = resolve(settings, secrets, generated, facts)
    for variable, value in settings.product.services[service].environment.items():
        variables[variable] = _value(settings, f"{service}.{variable}", value, secrets, generated, known)
    return dict(sorted(variables.items()))


def plain_variables(settings: Settings, service: str) -> dict[str, str]:
    """Those of one service's variables that anybody may read: texts of the stack file, and the product's names."""
    product = settings.product
    said = {**product.environment, **product.services[service].environment}
    texts = {variable: text for variable, text in _defaults(settings, {}).items() if variable not in said}
    texts |= {variable: value for variable, value in said.items() if isinstance(value, str)}
    names = ",".join(product.domains)
    texts |= {name: names for name, value in said.items() if isinstance(value, Wired) and value.source == "domain"}
    return dict(sorted(texts.items()))


def variable_names(settings: Settings, service: str) -> frozenset[str]:
    """The names of all variables of one service's containers (see `service_variables`), before any value is known."""
    product = settings.product
    known = {name: dict.fromkeys(_known_fields(backing), "") for name, backing in product.backing.items()}
    return frozenset({*_defaults(settings, known), *product.environment, *product.services[service].environment})


def _known_fields(backing: AnyBacking) -> Iterable[str]:
    """What there will be to know of a backing service, as far as variables follow from it by themselves."""
    if isinstance(backing, ObjectStorage) and backing.provider == "external":
        return (key for key in ("access_key", "secret_key") if getattr(backing, key) is not None)
    return FIELDS[backing.engine]


def external_facts(settings: Settings, secrets: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What is known of the backing services that the stack file names by secrets."""
    found: dict[str, dict[str, str]] = {}
    for name, backing in settings.product.backing.items():
        if backing.provider != "external":
            continue
        facts = _of_url(secrets[backing.url.secret], backing.engine) if backing.url else {}
        if isinstance(backing, ObjectStorage):
            given = {"bucket": backing.bucket, "region": backing.region, "endpoint": backing.endpoint}
            keys = {"access_key": backing.access_key, "secret_key": backing.secret_key}
            facts |= {field: text for field, text in given.items() if text}
            facts |= {field: secrets[key.secret] for field, key in keys.items() if key}
        found[name] = facts
    return found


def service_environment(settings: Settings, service: str) -> dict[str, str]:
    """What one service has for itself: plain texts (settings.checks), which may stand in `release.json`."""
    own = settings.product.services[service].environment
    return {variable: value for variable, value in sorted(own.items()) if isinstance(value, str)}


def dotenv(variables: Mapping[str, str]) -> str:
    r"""The text of `.env`: one `NAME='value'` a line, sorted.

    Within the quotes `\\` is a backslash and `\'` a quote; nothing else is special. That is what
    `scripts/host/run_service.py` reads; python-dotenv agrees, but for a `${...}`, which it would fill in.
    """
    return "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(variables.items()))


def compose_env_file(variables: Mapping[str, str]) -> str:
    r"""The text of a service's env file, for `env_file:` of a compose file: one `NAME='value'` a line, sorted.

    Compose reads single quotes as they are, but for a quote or a backslash, which need double ones with `\\`, `\"`
    and `\$` escaped. `scripts/host/dotenv.py` reads the same; `docker run --env-file` does not, it knows no quotes.
    """
    return "".join(f"{name}={_quoted_for_compose(value)}\n" for name, value in sorted(variables.items()))


def docker_env_file(variables: Mapping[str, str]) -> str:
    """The text of a file for `docker run --env-file`: one `NAME=value` a line, sorted, with nothing to quote."""
    return "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))


def dotenv_example(settings: Settings) -> str:
    """The text of `.env.example`: names and comments, never a value (requirement FF7)."""
    lines = [
        f"# What {settings.product.name} reads from its environment. `pulumi up` makes the values: keep none in here.",
        "",
    ]
    described = {variable: _comment(value, settings.stack) for variable, value in settings.product.environment.items()}
    for name, service in settings.product.services.items():
        if service.image is not None:  # each has an env file of its own
            own = {
                variable: f"{_comment(value, settings.stack)}; of {name}"
                for variable, value in service.environment.items()
            }
            described |= {variable: comment for variable, comment in own.items() if variable not in described}
    for variable in _defaults(settings, None):
        described.setdefault(variable, "set by the architecture")
    for variable, comment in sorted(described.items()):
        lines += [f"# {comment}", f"{variable}=", ""]
    return "\n".join(lines[:-1]) + "\n"


def _defaults(settings: Settings, facts: Facts | None) -> dict[str, str]:
    variables = {"DEBUG": "False", "ALLOWED_HOSTS": ",".join(settings.product.domains)}
    buckets = [name for name, backing in settings.product.backing.items() if backing.engine == "object-storage"]
    if len(buckets) == 1:  # of two, nobody could say whose keys they are
        for variable, field in (("AWS_ACCESS_KEY_ID", "access_key"), ("AWS_SECRET_ACCESS_KEY", "secret_key")):
            if facts is None or field in facts.get(buckets[0], {}):
                variables[variable] = "" if facts is None else facts[buckets[0]][field]
    return variables


def _value(
    settings: Settings,
    variable: str,
    value: EnvironmentValue,
    secrets: Mapping[str, str],
    generated: Mapping[str, str],
    facts: Facts,
) -> str:
    text = _text(settings, variable, value, secrets, generated, facts)
    if "\n" in text or "\0" in text or "\r" in text:
        raise ValueError(f"{variable} has more than one line: a variable is one line")
    return text


def _text(
    settings: Settings,
    variable: str,
    value: EnvironmentValue,
    secrets: Mapping[str, str],
    generated: Mapping[str, str],
    facts: Facts,
) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Secret):
        return secrets[value.secret]
    if isinstance(value, Generated):
        return generated[variable]
    if value.source == "domain":
        return ",".join(settings.product.domains)
    found = facts.get(value.source, {})
    if value.fact not in found:
        raise ValueError(f"{variable}: {value.source} has no {value.fact}")
    return found[value.fact]


def _of_url(url: str, engine: str) -> dict[str, str]:
    """The parts of a backing service's URL. A part that the URL leaves out is left out."""
    if "://" not in url:  # the plan's placeholder for a secret: its parts are placeholders too
        return dict.fromkeys(("url", "host", "port", "user", "password", "database"), url)
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(engine)
    except ValueError:
        raise ValueError(f"the URL of an external {engine} can't be read") from None
    texts = {
        "url": url,
        "host": parts.hostname,
        "port": str(port) if port else None,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.removeprefix("/")) or None,
    }
    return {field: text for field, text in texts.items() if text}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted_for_compose(value: str) -> str:
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def _comment(value: EnvironmentValue, stack: str) -> str:
    if isinstance(value, Secret):
        return f"a secret: pulumi config set --secret slipway:{value.secret} -s {stack}"
    if isinstance(value, Generated):
        return f"generated, {value.generate} characters"
    if isinstance(value, Wired):
        return "every name of the product" if value.source == "domain" else f"{value.fact} of {value.source}"
    return "from the stack file"
