"""Sessions, in Valkey or Redis: every instance knows them, and a deployment ends none."""

import hashlib
import hmac
import secrets

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT = 1.0
KEPT = 900  # seconds


class Sessions:
    def __init__(self, url: str, key: str) -> None:
        # One retry: a connection from before a restart of Valkey fails once and says nothing about Valkey now.
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
        )
        self._key = key.encode()

    def check(self) -> None:
        self._client.ping()

    def begin(self, name: str) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        self._client.set(self._place(token), name, ex=KEPT)
        return token

    def name(self, token: str) -> str | None:
        """Whose session it is, if it is one."""
        found = self._client.get(self._place(token))
        return None if found is None else found.decode()

    def _place(self, token: str) -> str:
        """Not the token itself: who can read Valkey must not be able to be anybody."""
        return f"signupflow:session:{hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()}"
