"""Addresses for uploads into S3-compatible storage, signed here (AWS Signature Version 4, in the query)."""

import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings

SECONDS = 300


def upload_address() -> dict[str, object] | None:
    """A new object's name and an address that accepts it for five minutes. None where no storage is configured."""
    needed = (
        settings.AWS_ACCESS_KEY_ID,
        settings.AWS_SECRET_ACCESS_KEY,
        settings.AWS_S3_ENDPOINT_URL,
        settings.AWS_STORAGE_BUCKET_NAME,
    )
    if not all(needed):
        return None
    name = f"avatars/{uuid.uuid4()}"
    return {"method": "PUT", "name": name, "url": _signed(name, datetime.now(UTC)), "expires_in": SECONDS}


def _signed(name: str, now: datetime) -> str:
    endpoint = urlsplit(settings.AWS_S3_ENDPOINT_URL)
    path = quote(f"/{settings.AWS_STORAGE_BUCKET_NAME}/{name}")
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    scope = f"{day}/{settings.AWS_S3_REGION_NAME}/s3/aws4_request"
    query = urlencode(
        sorted(
            {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": f"{settings.AWS_ACCESS_KEY_ID}/{scope}",
                "X-Amz-Date": stamp,
                "X-Amz-Expires": str(SECONDS),
                "X-Amz-SignedHeaders": "host",
            }.items()
        ),
        quote_via=quote,
        safe="",
    )
    request = f"PUT\n{path}\n{query}\nhost:{endpoint.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{settings.AWS_SECRET_ACCESS_KEY}".encode()
    for part in (day, settings.AWS_S3_REGION_NAME, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hexdigest()
    return f"{endpoint.scheme}://{endpoint.netloc}{path}?{query}&X-Amz-Signature={signature}"
