"""Links among built files: the product's user makes them, and nginx has rights that this user has not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings.stack import Settings
from tests.hostfiles.site import Site, serving

USER = 65534
PLACES = {"/assets/": "frontend/dist/assets", "/": "frontend/dist", "/static/": "backend/staticfiles"}
"""Where files of each kind lie below a release's source, by the path that visitors ask for."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of another user")


@pytest.fixture
def site(familyflow: Settings) -> Iterator[Site]:
    """FamilyFlow with two releases: their directories and `current` are root's, what is in them is the user's."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as directory, serving(familyflow, Path(directory)) as running:
        for slot, name in (("blue", "one"), ("green", "two")):
            source = running.release(slot, name) / "src"
            for folder in PLACES.values():
                (source / folder).mkdir(parents=True, exist_ok=True)
                (source / folder / f"{name}.txt").write_text("for everybody")
                (source / folder / f"{name}-again.txt").symlink_to(f"{name}.txt")
                (source / folder / f"{name}-key.txt").symlink_to(running.root / "tls" / running.name / "privkey.pem")
                (source / folder / f"{name}-tls").symlink_to(running.root / "tls" / running.name)
            (source / "frontend/dist/index.html").write_text("<html>")
            for path in [source, *source.rglob("*")]:
                os.chown(path, USER, USER, follow_symlinks=False)
        running.point("previous", "blue")
        running.point("current", "green")
        yield running


@pytest.mark.parametrize("path", PLACES)
def test_a_link_to_what_is_not_its_owners_is_not_followed(site: Site, path: str) -> None:
    """ALL3: of neither release, neither a link to a file nor one to a directory."""
    for name in ("one", "two"):
        for asked in (f"{path}{name}-key.txt", f"{path}{name}-tls/privkey.pem"):
            answer = site.get(asked)
            assert b"PRIVATE KEY" not in answer.body
            assert answer.status in (403, 404) or answer.body == b"<html>"


@pytest.mark.parametrize("path", PLACES)
def test_a_products_own_files_and_links_to_them_are_served(site: Site, path: str) -> None:
    names = ("two",) if path == "/" else ("one", "two")  # a page itself is only ever the release's own
    for name in names:
        for asked in (f"{path}{name}.txt", f"{path}{name}-again.txt"):
            assert (site.get(asked).status, site.get(asked).body) == (200, b"for everybody")


def test_a_whole_directory_that_was_exchanged_for_a_link_is_not_followed(site: Site) -> None:
    dist = site.root / "srv/familyflow/releases/two/src/frontend/dist"
    dist.rename(dist.with_name("away"))
    dist.symlink_to(site.root / "tls" / site.name)
    os.chown(dist, USER, USER, follow_symlinks=False)
    assert site.get("/privkey.pem").status in (403, 404)
    assert site.get("/assets/privkey.pem").status in (403, 404)
