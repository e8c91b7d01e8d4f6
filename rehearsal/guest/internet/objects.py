#!/usr/bin/env python3
"""Object storage as DigitalOcean Spaces has it, as far as a rehearsal needs it, in the container of the internet.

objects serve                     answers on loopback; nginx brings what is asked at <region>.digitaloceanspaces.com
objects bucket NAME               makes a bucket
objects forget-bucket NAME        removes it with all that is in it
objects key ID                    standard input is {"secret": …, "grants": [{"bucket": …, "permission": …}]}; without
                                  a secret it keeps the one that it has
objects forget-key ID             nobody gets in with it any more

Whoever asks has to sign (AWS Signature Version 4, by header or by URL) with a key that is granted the bucket. There are
no multipart uploads, versions, policies or lifecycles.
"""

import hashlib
import hmac
import json
import sys
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from object_store import Bucket, RefusedError, change, forget, known, make  # type: ignore[import-not-found]

ADDRESS = ("127.0.0.1", 9000)
SUFFIX = ".digitaloceanspaces.com"
ALGORITHM = "AWS4-HMAC-SHA256"
KEPT = ("content-type", "content-disposition", "cache-control")
LARGEST = 64 << 20
READS, WRITES = ("read", "readwrite", "fullaccess"), ("readwrite", "fullaccess")


def signature(
    secret: str, scope: str, moment: str, canonical: tuple[str, str, list[tuple[str, str]], list[tuple[str, str]], str]
) -> str:
    """Signature Version 4 of a request: method, path as sent, query, signed headers, hash of its body."""
    method, path, query, headers, payload = canonical
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    whole = [method, path, "&".join(f"{name}={value}" for name, value in pairs)]
    whole += [*(f"{name}:{' '.join(value.split())}" for name, value in headers), ""]
    whole += [";".join(name for name, _ in headers), payload]
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256("\n".join(whole).encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Spaces", ""

    def do_GET(self) -> None:
        """Every method comes here."""
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(body)
        except RefusedError as error:
            self._send(
                error.status, f"<Error><Code>{error.code}</Code><Message>{error.code}</Message></Error>".encode()
            )

    do_HEAD = do_PUT = do_DELETE = do_POST = do_GET  # noqa: N815  (the base class looks for these names)

    def _answer(self, body: bytes) -> None:
        if len(body) > LARGEST:
            raise RefusedError(413, "EntityTooLarge")
        url = urlsplit(self.path)
        query = parse_qsl(url.query, keep_blank_values=True)
        host = str(self.headers.get("Host", "")).partition(":")[0]
        bucket, _, key = url.path[1:].partition("/")
        if host.endswith(SUFFIX) and "." in host.removesuffix(SUFFIX):  # <bucket>.<region>, not the region alone
            bucket, key = host.partition(".")[0], url.path[1:]
        bucket, key = unquote(bucket), unquote(key)
        found = known()
        self._allow(found, self._signer(found, url.path, query, body), bucket)
        if bucket not in found["buckets"]:
            raise RefusedError(404, "NoSuchBucket")
        names = dict(query)
        verbs: dict[str, Callable[[], None]] = {
            "GET": lambda: self._get(Bucket(bucket), key) if key else self._list(Bucket(bucket), bucket, names),
            "HEAD": lambda: self._get(Bucket(bucket), key) if key else self._send(200, b""),
            "PUT": lambda: self._put(Bucket(bucket), key, body),
            "DELETE": lambda: self._delete(Bucket(bucket), key),
        }
        if self.command not in verbs or not {"uploads", "uploadId", "delete", "versions", "policy"}.isdisjoint(names):
            raise RefusedError(501, "NotImplemented")
        verbs[self.command]()

    def _signer(
        self, found: Mapping[str, Mapping[str, Any]], path: str, query: list[tuple[str, str]], body: bytes
    ) -> Mapping[str, Any]:
        """The key that the request is signed with, once the signature has been found right."""
        named = dict(query)
        payload = "UNSIGNED-PAYLOAD"
        if "X-Amz-Signature" in named:
            credential, signed = named["X-Amz-Credential"], named["X-Amz-SignedHeaders"]
            given, moment = named["X-Amz-Signature"], named["X-Amz-Date"]
            query = [(name, value) for name, value in query if name != "X-Amz-Signature"]
        else:
            algorithm, _, rest = str(self.headers.get("Authorization", "")).partition(" ")
            parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
            if algorithm != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= set(parts):
                raise RefusedError(403, "AccessDenied")
            credential, signed, given = parts["Credential"], parts["SignedHeaders"], parts["Signature"]
            moment = str(self.headers.get("X-Amz-Date", ""))
            payload = str(self.headers.get("X-Amz-Content-Sha256", ""))
        identifier, _, scope = credential.partition("/")
        key = found["keys"].get(identifier)
        if key is None:
            raise RefusedError(403, "InvalidAccessKeyId")
        headers = [(name, str(self.headers.get(name, ""))) for name in signed.split(";")]
        wanted = signature(key["secret"], scope, moment, (self.command, path, query, headers, payload))
        if not hmac.compare_digest(wanted, given):
            raise RefusedError(403, "SignatureDoesNotMatch")
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            raise RefusedError(400, "XAmzContentSHA256Mismatch")
        return key  # type: ignore[no-any-return]

    def _allow(self, found: Mapping[str, Mapping[str, Any]], key: Mapping[str, Any], bucket: str) -> None:
        wanted = READS if self.command in ("GET", "HEAD") else WRITES
        for grant in key["grants"]:
            if grant["permission"] in wanted and grant.get("bucket", bucket) in (bucket, ""):
                return
        raise RefusedError(403, "AccessDenied")

    def _get(self, bucket: Bucket, key: str) -> None:
        described = bucket.described(key)
        content = bucket.read(key)
        self._send(200, content, {"etag": f'"{described["etag"]}"', **described["headers"]})

    def _put(self, bucket: Bucket, key: str, body: bytes) -> None:
        if not key or "X-Amz-Copy-Source" in self.headers:  # a key for one bucket makes none
            raise RefusedError(403, "AccessDenied")
        kept = {name.lower(): value for name, value in self.headers.items() if _is_kept(name.lower())}
        described = bucket.write(key, body, {**kept, "last-modified": formatdate(usegmt=True)})
        self._send(200, b"", {"etag": f'"{described["etag"]}"'})

    def _delete(self, bucket: Bucket, key: str) -> None:
        bucket.remove(key)
        self._send(204, b"")

    def _list(self, bucket: Bucket, name: str, asked: Mapping[str, str]) -> None:
        """Version 2, or the first one with its marker; a page at a time."""
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        most = min(int(asked.get("max-keys") or 1000), 1000)
        after = asked.get("continuation-token") or asked.get("start-after") or asked.get("marker") or ""
        shown = quote if asked.get("encoding-type") == "url" else escape
        entries: dict[str, str] = {}
        for one in bucket.listed(prefix):
            key = str(one["key"])
            inner = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if inner[1]:
                folder = f"{prefix}{inner[0]}{delimiter}"
                entries[folder] = f"<CommonPrefixes><Prefix>{shown(folder)}</Prefix></CommonPrefixes>"
            else:
                entries[key] = (
                    f"<Contents><Key>{shown(key)}</Key><LastModified>{_iso(one['changed'])}</LastModified>"
                    f"<ETag>&quot;{one['etag']}&quot;</ETag><Size>{one['size']}</Size>"
                    "<StorageClass>STANDARD</StorageClass></Contents>"
                )
        names = [key for key in entries if key > after]
        page = names[:most]
        more = len(names) > most
        last = shown(page[-1]) if more else ""
        tail = f"<NextContinuationToken>{last}</NextContinuationToken><NextMarker>{last}</NextMarker>" if more else ""
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>{name}</Name>'
            f"<Prefix>{shown(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{tail}"
            f"{'<EncodingType>url</EncodingType>' if shown is quote else ''}"
            f"{''.join(entries[key] for key in page)}</ListBucketResult>"
        )
        self._send(200, text.encode())

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/xml", **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """nginx has a log."""


def _is_kept(name: str) -> bool:
    return name in KEPT or name.startswith("x-amz-meta-")


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def main(verb: str, *arguments: str) -> None:
    """See the top of this file."""
    if verb == "serve":
        ThreadingHTTPServer(ADDRESS, Handler).serve_forever()
        return
    (name,) = arguments
    told = json.load(sys.stdin) if verb == "key" else {}
    with change() as found:
        if verb == "bucket":
            make(name)
            found["buckets"][name] = {}
        elif verb == "key":
            found["keys"][name] = {**found["keys"].get(name, {}), **told}
        elif verb == "forget-bucket":
            found["buckets"].pop(name, None)
            forget(name)
        elif verb == "forget-key":
            found["keys"].pop(name, None)
        else:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
