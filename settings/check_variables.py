"""Mistakes of environment variables and secrets: wired to nothing, a secret in plain, a secret that is not set."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from settings.backing import FIELDS, AnyBacking, ObjectStorage, Postgres
from settings.context import Context
from settings.masking import is_secret, shown
from settings.problems import Problem, nearest
from settings.product import Product
from settings.variables import Generated, Wired

_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY|_KEY$|^KEY$|_DSN$|_PASS$|^PASS$"
)
_PUBLIC_NAME = re.compile(r"PUBLI[CS]|EXPIRE|_LENGTH$|_MINUTES$|_SECONDS$|_DAYS$|_URL$|_PATH$|_NAME$|_ID$|_HEADER$")


def looks_secret(variable: str, value: str) -> bool:
    """Whether a variable's plain text is probably a secret, by its name or by its own shape."""
    if not value:
        return False
    by_name = bool(_SECRET_NAME.search(variable)) and not _PUBLIC_NAME.search(variable)
    return by_name or is_secret(value)


def run(context: Context, product: Product) -> Iterator[Problem]:
    """Every mistake across variables, backing services and secrets."""
    for path, variable, value in _variables(product):
        if isinstance(value, str) and looks_secret(variable, value):
            command = f"pulumi config set --secret slipway:{variable} -s {context.stack}"
            yield Problem(path, f"looks like a secret in plain, should be {{secret: {variable}}} and then `{command}`")
        if isinstance(value, Wired) and value.source == "domain" and "field" in value.model_fields_set:
            message = (
                f"asks for the field {value.field} of domain, which is the product's names and has none: leave it out"
            )
            yield Problem(path, message)
        elif isinstance(value, Wired) and value.source != "domain":
            yield from _wired(context, product, path, variable, value)
    yield from _generated(product)
    yield from _secrets(context, product)


def _variables(product: Product) -> Iterator[tuple[str, str, Any]]:
    for variable, value in product.environment.items():
        yield f"slipway:product.environment.{variable}", variable, value
    for name, service in product.services.items():
        for variable, value in service.environment.items():
            yield f"slipway:product.services.{name}.environment.{variable}", variable, value


def _generated(product: Product) -> Iterator[Problem]:
    """Texts that are generated under the name of another one, or of a backing service's password."""
    hosted = {name: backing for name, backing in product.backing.items() if backing.provider == "host"}
    seen = {f"{name}-password": f"the password of {name}" for name in hosted}
    seen |= {
        f"{name}-administrator": f"the administrator of {name}" for name in hosted if hosted[name].engine == "mongodb"
    }
    paths = (path for path, _, value in _variables(product) if isinstance(value, Generated))
    for path, (key, _) in zip(paths, product.generated_values(), strict=True):
        kept_as = key.lower().replace("_", "-").replace(".", "-")
        if kept_as in seen:
            yield Problem(path, f"is generated under the name of {seen[kept_as]} too, should be another name")
        seen.setdefault(kept_as, path.removeprefix("slipway:product."))


def _wired(context: Context, product: Product, path: str, variable: str, value: Wired) -> Iterator[Problem]:
    known = context.names("backing")
    backing = product.backing.get(value.source)
    if known is not None and value.source not in known:
        hint = nearest(value.source, known | {"domain"})
        yield Problem(path, f"there is no backing service {shown(value.source)}; {hint}")
    if backing is None:
        return
    fields = FIELDS[backing.engine]
    if value.field not in fields:
        has = ", ".join(sorted(fields))
        yield Problem(path, f"{value.source} is {backing.engine} and has no {value.field}, should be a field of {has}")
    elif value.pool is not None:
        yield from _pooled(path, value, backing)
    elif backing.provider == "external":
        yield from _given(path, variable, value, backing)


def _pooled(path: str, value: Wired, backing: AnyBacking) -> Iterator[Problem]:
    """A managed PostgreSQL has the pools that the file says."""
    pools = backing.pools if isinstance(backing, Postgres) and backing.provider == "managed" else {}
    if value.pool not in pools:
        right = nearest(str(value.pool), pools) if pools else "leave `pool` out"
        if not pools and isinstance(backing, Postgres):
            right += f", or name it in backing.{value.source}.pools of a managed postgres"
        yield Problem(path, f"{value.source} has no pool {shown(value.pool)}; {right}")


def _given(path: str, variable: str, value: Wired, backing: Any) -> Iterator[Problem]:
    """An external backing service has only what the file says of it."""
    needed = value.field if isinstance(backing, ObjectStorage) else "url"
    if getattr(backing, needed, None) is None:
        example = needed if needed in ("bucket", "region", "endpoint") else f"{needed}: {{secret: NAME}}"
        yield Problem(
            path,
            f"{value.source} is external and says no {needed}, should be {{secret: {variable}}} here, "
            f"or `{example}` in backing.{value.source}",
        )


def _secrets(context: Context, product: Product) -> Iterator[Problem]:
    if not context.require_secrets:
        return
    named = dict(reversed([(name, path) for path, name in product.secret_references()]))  # the first place of each
    for name, path in named.items():
        if name not in context.secrets:
            unused = sorted(context.secrets - set(named))
            near = difflib.get_close_matches(name, unused, n=1, cutoff=0.75)
            hint = f" ({near[0]} is, and nothing uses it)" if near else ""
            command = f"pulumi config set --secret slipway:{name} -s {context.stack}"
            yield Problem(f"slipway:product.{path}", f"the secret {name} is not set{hint}: `{command}`")
