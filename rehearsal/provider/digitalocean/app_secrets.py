"""What an app's specification has that the platform keeps encrypted, and what it answers in its place: `EV[1:…]`.

Each value that is sent in clear gets another text each time, so that no program can compare it with what it sent; a
text that is sent back is the value that it stood for, as long as it is the same app's.
"""

from __future__ import annotations

import base64
import copy
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rehearsal.provider.values import UNKNOWN

Spec = Mapping[str, Any]
COMPONENTS = ("services", "workers", "jobs", "staticSites", "functions")
_TOKENS = {"datadog": "apiKey", "logtail": "token"}
_MARK = "EV[1:"


class Vault:
    """The one app's key."""

    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(base64.b64decode(key))

    @staticmethod
    def new_key() -> str:
        """A key for a new app."""
        return base64.b64encode(AESGCM.generate_key(256)).decode()

    def close(self, value: str) -> str:
        """The text that stands for the value."""
        nonce = secrets.token_bytes(12)
        parts = (nonce, self._cipher.encrypt(nonce, value.encode(), None))
        return _MARK + ":".join(base64.b64encode(part).decode() for part in parts) + "]"

    def open(self, text: str) -> str:
        """The value. ValueError for a text that this app did not get."""
        try:
            nonce, sealed = map(base64.b64decode, text.removeprefix(_MARK).removesuffix("]").split(":"))
            return self._cipher.decrypt(nonce, sealed, None).decode()
        except (ValueError, InvalidTag):
            raise ValueError("the encrypted value is not this app's") from None


def closed(spec: Spec, vault: Vault) -> dict[str, Any]:
    """The specification as the platform answers it. ValueError for an encrypted value that is another app's."""

    def close(value: str) -> str:
        if is_closed(value):
            vault.open(value)
            return value
        return vault.close(value)

    return _changed(spec, close)


def opened(spec: Spec, vault: Vault) -> dict[str, Any]:
    """The specification as the app runs it."""
    return _changed(spec, lambda value: vault.open(value) if is_closed(value) else value)


def as_answered(spec: Spec, answered: Spec) -> dict[str, Any]:
    """A specification as it was sent, with what the platform answered in place of its secrets."""
    found = {where: holder[key] for where, holder, key in _places(answered)}
    result = copy.deepcopy(dict(spec))
    for where, holder, key in _places(result):
        holder[key] = found.get(where, holder[key])
    return result


def read_back(spec: Spec) -> dict[str, Any]:
    """What the provider makes of the platform's answer when it reads: without those who hear of alerts, and without the
    type of a variable that is no secret (flattenAppAlerts, appSpecEnvSchema in terraform-provider-digitalocean v2.99).
    """
    result = copy.deepcopy(dict(spec))
    for holder in _holders(result):
        for alert in holder.get("alerts") or ():
            alert.pop("destinations", None)
        for variable in holder.get("envs") or ():
            variable["type"] = "" if variable.get("type") == "GENERAL" else variable.get("type")
    return result


def typed(spec: Spec) -> dict[str, Any]:
    """A specification with the types that it was read without: the provider compares them so."""
    result = copy.deepcopy(dict(spec))
    for holder in _holders(result):
        for variable in holder.get("envs") or ():
            variable["type"] = variable.get("type") or "GENERAL"
    return result


def is_closed(value: Any) -> bool:
    """Whether it is a text of the platform's."""
    return isinstance(value, str) and value.startswith(_MARK) and value.endswith("]")


def _changed(spec: Spec, change: Callable[[str], str]) -> dict[str, Any]:
    result = copy.deepcopy(dict(spec))
    for _, holder, key in _places(result):
        holder[key] = change(str(holder[key]))
    return result


def _components(spec: Spec) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in COMPONENTS:
        yield from ((kind, component) for component in spec.get(kind) or ())


def _holders(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What has alerts and variables: the app itself, and each component."""
    yield spec
    yield from (component for _, component in _components(spec))


def _places(spec: Spec) -> Iterator[tuple[tuple[str, ...], dict[str, Any], str]]:
    """Each value that is kept encrypted: where it is, by names and not by order; what holds it; its key."""
    for kind, component in _components(spec):
        for where, holder, key in _of_component(component):
            yield (kind, str(component.get("name")), *where), holder, key
    for variable in spec.get("envs") or ():
        if _secret(variable):
            yield ("envs", str(variable["key"])), variable, "value"


def _of_component(component: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any], str]]:
    for variable in component.get("envs") or ():
        if _secret(variable):
            yield ("envs", str(variable["key"])), variable, "value"
    image = component.get("image") or {}
    if image.get("registryCredentials") not in (None, UNKNOWN):
        yield ("image",), image, "registryCredentials"
    for destination in component.get("logDestinations") or ():
        for provider, key in _TOKENS.items():
            if (destination.get(provider) or {}).get(key) not in (None, UNKNOWN):
                yield ("logs", str(destination.get("name"))), destination[provider], key


def _secret(variable: Mapping[str, Any]) -> bool:
    return variable.get("type") == "SECRET" and variable.get("value") not in (None, UNKNOWN)
