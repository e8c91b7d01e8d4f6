"""Devora's two images, their programs run for real: with the pinned packages, in no container and without MongoDB."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from tests.examples.running import EXAMPLES, PLATFORM, Server, said, serving, virtualenv
from tests.ports import free_port

BACKEND = EXAMPLES / "devora" / "backend"
FRONTEND = EXAMPLES / "devora" / "frontend"
RUN = ("-m", "app")
ECHO = """\
import sys
from websockets.sync.client import connect
with connect(f"ws://127.0.0.1:{sys.argv[1]}/api/socket") as socket:
    for word in ("one", b"two"):
        socket.send(word)
        print(socket.recv())
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of a virtualenv with the backend's packages."""
    return virtualenv("devora")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A MongoDB that nobody answers for, uploads in an empty directory."""
    url = f"mongodb://devora:{token_hex(16)}@127.0.0.1:{free_port()}/?replicaSet=rs0"
    uploads = str(tmp_path_factory.mktemp("uploads"))
    return {"MONGO_URL": url, "DB_NAME": "devora_projects_db", "UPLOADS_DIRECTORY": uploads, **PLATFORM}


@pytest.fixture(scope="module")
def backend(python: Path, environment: dict[str, str]) -> Iterator[Server]:
    """The backend."""
    with serving([str(python), *RUN], BACKEND, environment) as server:
        yield server


def test_health_names_the_database_that_does_not_answer(backend: Server) -> None:
    answer = backend.ask("/api/")
    assert answer.status == 503
    assert answer.json()["checks"] == {"mongodb": "ServerSelectionTimeoutError"}


def test_the_release_is_the_one_that_the_platform_names(backend: Server) -> None:
    answer = backend.ask("/api/release/")
    told = {name.removeprefix("SLIPWAY_").lower(): value for name, value in PLATFORM.items()}
    assert answer.status == 200
    assert answer.json().items() >= told.items()
    assert backend.ask("/api/release").status == 404  # no way to http:// either


def test_a_note_that_cannot_be_kept_is_refused_in_one_sentence(backend: Server) -> None:
    for note, word in [({"number": 101, "text": "x"}, "number"), ({"number": 1, "text": " "}, "text")]:
        answer = backend.ask("/api/notes/", "POST", note)
        assert (answer.status, answer.json()["error"].split(":")[0]) == (400, word)


def test_an_upload_lies_on_disk_and_comes_back_as_a_file(backend: Server, environment: dict[str, str]) -> None:
    content = token_hex(500).encode()
    assert backend.ask("/api/uploads/?name=notes.txt", "POST", content).status == 201
    assert backend.ask("/api/uploads/").json() == {"where": "disk", "uploads": [{"name": "notes.txt", "size": 1000}]}
    assert Path(environment["UPLOADS_DIRECTORY"], "notes.txt").read_bytes() == content
    answer = backend.ask("/api/uploads/notes.txt")
    assert (answer.text.encode(), answer.headers["content-disposition"]) == (content, "attachment")


@pytest.mark.parametrize("name", ["..%2Fnotes", ".notes", "notes%2F..", "%2Fetc%2Fpasswd", ""])
def test_an_upload_stays_in_its_directory(backend: Server, environment: dict[str, str], name: str) -> None:
    directory = Path(environment["UPLOADS_DIRECTORY"])
    before = sorted(directory.parent.rglob("*"))
    assert backend.ask(f"/api/uploads/?name={name}", "POST", b"x").status == 400
    assert sorted(directory.parent.rglob("*")) == before


def test_an_upload_that_is_too_large_is_refused(backend: Server) -> None:
    assert backend.ask("/api/uploads/?name=large", "POST", bytes(1024 * 1024 + 1)).status == 413


def test_the_socket_says_again_what_it_hears(backend: Server, python: Path) -> None:
    assert said([str(python), "-c", ECHO, str(backend.port)], BACKEND, {}) == (0, "one\nb'two'\n")


def test_metrics_name_routes_and_not_what_visitors_make_up(backend: Server) -> None:
    backend.ask("/api/uploads/made-up")
    backend.ask("/made-up")
    text = backend.ask("/metrics").text
    assert 'devora_requests_total{method="GET",route="/api/uploads/{name}",status="404"} 1.0' in text
    assert "made-up" not in text


def test_a_stop_ends_the_events_and_answers_what_was_asked(python: Path, environment: dict[str, str]) -> None:
    """The events are counted on from those that the visitor has seen."""
    with (
        serving([str(python), *RUN], BACKEND, environment) as server,
        server.open("/api/events", {"Last-Event-ID": "41"}) as events,
        ThreadPoolExecutor() as asking,
    ):
        slow = asking.submit(server.ask, "/api/slow?seconds=4")
        first = json.loads(events.readline().removeprefix(b"data: "))
        assert (first["number"], first["release"]) == (42, PLATFORM["SLIPWAY_RELEASE"])
        time.sleep(2)
        assert server.end() == 0, server.written
        assert slow.result().status == 200
        assert b"data: " in events.read()  # ended by the server, not cut off: that would raise


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGO_URL", ""),
        ("MONGO_URL", "localhost:27017"),
        ("MONGO_URL", "mongodb://a:b:c@"),
        ("CORS_ORIGINS", "devora"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line_without_its_value(
    python: Path, environment: dict[str, str], variable: str, value: str
) -> None:
    code, words = said([str(python), *RUN], BACKEND, {**environment, variable: value})
    assert code == 1
    assert variable in words
    assert words.count("\n") == 1
    assert not value or f" {value}" not in words


@pytest.fixture
def frontend(tmp_path: Path) -> Path:
    """The frontend's files as the image has them, for another place and another port."""
    (tmp_path / "page").symlink_to(FRONTEND / "page")
    for name in ("serve.sh", "nginx.conf", "settings.py", "version.txt"):
        text = (FRONTEND / name).read_text().replace("/srv/frontend", str(tmp_path))
        (tmp_path / name).write_text(text.replace("/tmp/frontend", f"{tmp_path}/tmp"))
    return tmp_path


def test_nginx_serves_the_page_and_what_the_environment_says_to_it(frontend: Path) -> None:
    port = free_port()
    config = frontend / "nginx.conf"
    served = config.read_text().replace("listen 80 ", f"listen 127.0.0.1:{port} ")
    config.write_text(f"user root;\n{served}")  # pytest's directories are private; to anybody but root it says nothing
    environment = {"REACT_APP_BACKEND_URL": "https://devora.ai/", "VERSION": "3.2.1"}
    with serving(["sh", str(frontend / "serve.sh")], frontend, environment, port) as server:
        assert "<h1>Devora</h1>" in server.ask("/").text
        assert server.ask("/settings.json").json() == {"version": "3.2.1", "backend": "https://devora.ai"}
        assert server.ask("/page.js").headers["content-type"].startswith("application/javascript")
        assert server.end() == 0, server.written


def test_the_page_is_not_served_for_an_api_that_is_nowhere(frontend: Path) -> None:
    code, words = said(["sh", str(frontend / "serve.sh")], frontend, {"REACT_APP_BACKEND_URL": "devora.ai"})
    assert (code, words) == (1, "REACT_APP_BACKEND_URL should be an origin, such as https://example.com, or empty\n")


def test_the_version_of_the_image_is_told_without_a_platform(python: Path) -> None:
    command = "from app.release import describe; print(describe()['version'], describe()['release'])"
    assert said([str(python), "-c", command], BACKEND, {})[1] == "1.0.0 1.0.0\n"
    assert said([sys.executable, "-c", command], BACKEND, {"VERSION": "3.2.1"})[1] == "3.2.1 3.2.1\n"
