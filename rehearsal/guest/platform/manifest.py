#!/usr/bin/env python3
"""`manifest.py AUTHORITIES`: asks a registry for an image, as the platform does before it starts one.

Standard input: {"server", "repository", "digest", "credentials": "user:token" or null}. The answer's image is the
digest of the image's own description, which is its id in a container engine. Prints {"image": …} or {"error": …}.
"""

import base64
import json
import re
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any

MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def ask(url: str, headers: dict[str, str]) -> Any:
    """The answer of a registry, read as JSON."""
    context = ssl.create_default_context(cafile=sys.argv[1])
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - https, below and from the registry itself
    with urllib.request.urlopen(request, timeout=20, context=context) as answer:  # noqa: S310
        return json.load(answer)


def ticket(challenge: str, credentials: str | None) -> str:
    """What opens the registry, from the place that it names."""
    realm = re.search(r'realm="([^"]+)"', challenge)
    if not realm:
        raise ValueError("the registry asks for something else than a token")
    basic = {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"} if credentials else {}
    return str(ask(realm[1], basic)["token"])


def find(wanted: dict[str, Any]) -> str:
    """The image's id."""
    server = "registry-1.docker.io" if wanted["server"] == "docker.io" else wanted["server"]
    url = f"https://{server}/v2/{wanted['repository']}/manifests/{wanted['digest']}"
    try:
        found = ask(url, {"Accept": MANIFESTS})
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        token = ticket(error.headers["WWW-Authenticate"] or "", wanted["credentials"])
        found = ask(url, {"Accept": MANIFESTS, "Authorization": f"Bearer {token}"})
    return str(found["config"]["digest"])


def main() -> None:
    """See the module's text."""
    try:
        said = {"image": find(json.load(sys.stdin))}
    except urllib.error.HTTPError as error:
        said = {"error": {401: "unauthorized", 403: "denied", 404: "not found"}.get(error.code, f"status {error.code}")}
    except (OSError, ValueError, KeyError) as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
