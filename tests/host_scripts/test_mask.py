"""No secret in what is shown or kept of a release (ALL3)."""

from __future__ import annotations

import io
import secrets
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from scripts.host.mask import MASK, Masker
from scripts.host.progress import Progress


def test_values_are_masked_wherever_they_stand() -> None:
    secret = secrets.token_urlsafe(24)
    assert Masker([secret])(f"connecting with {secret}!") == f"connecting with {MASK}!"


def test_a_password_inside_a_url_is_masked_alone_and_in_other_forms() -> None:
    password = secrets.token_urlsafe(12) + "/+ü"
    masker = Masker([f"postgresql://user:{quote(password, safe='')}@db.example.com/name"])
    for form in (password, quote(password, safe="")):
        assert masker(f"password authentication failed: {form}") == f"password authentication failed: {MASK}"


def test_passwords_of_unknown_urls_are_masked_too() -> None:
    assert Masker()("redis://:whatever@127.0.0.1:6379/0") == f"redis://:{MASK}@127.0.0.1:6379/0"
    assert Masker()("https://example.com:443/a@b") == "https://example.com:443/a@b"


def test_short_values_are_no_secrets() -> None:
    masker = Masker(["False", "5432", "info"])
    assert masker("DEBUG=False on port 5432") == "DEBUG=False on port 5432"


def test_the_longest_of_two_overlapping_secrets_goes_whole() -> None:
    short = secrets.token_urlsafe(8)
    assert Masker([short, short + "-and-more"])(f"x {short}-and-more y") == f"x {MASK} y"


def test_each_line_of_a_key_is_masked() -> None:
    lines = [secrets.token_urlsafe(30) for _ in range(3)]
    masker = Masker(["\n".join(lines)])
    assert [masker(line) for line in lines] == [MASK] * 3


def test_a_log_is_roots_alone_and_holds_no_secret(tmp_path: Path) -> None:
    secret = secrets.token_urlsafe(24)
    log = tmp_path / "logs" / "release.log"
    with closing(Progress(log, Masker([secret]))) as progress:
        progress.begin("build")
        progress.log(f"the key is {secret}")
    assert log.stat().st_mode & 0o777 == 0o600
    assert secret not in log.read_text()
    assert list(progress.tail) == [f"the key is {MASK}"]


def test_a_watcher_that_leaves_does_not_end_a_release(tmp_path: Path) -> None:
    """A dropped connection closes our standard output."""
    with closing(Progress(tmp_path / "log", out=_Gone())) as progress:
        progress.say("first")
        progress.say("second")
    assert "second" in (tmp_path / "log").read_text()


class _Gone(io.StringIO):
    """Standard output whose reader is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")
