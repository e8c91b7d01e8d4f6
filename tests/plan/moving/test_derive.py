"""What stays, what is made, what goes and in which order, from two stack files (DV10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plan.moving.derive import make_move
from plan.moving.move import Move
from tests.plan.moving.moves import Blocks, beside, commands, data, devora, title, to_another
from tests.plan.stack_files import Change, write


@pytest.fixture(scope="module")
def shipped() -> Move:
    return make_move("devora-vps", "devora-fleet")


def test_backend_is_first_frontend_next_and_the_cutover_last(shipped: Move) -> None:
    assert title(shipped) == [
        "Prepare",
        "Make devora-fleet beside devora-vps",
        "Bring over uploads, the certificate",
        "Look at backend",
        "Look at frontend",
        "Cut over",
        "Let devora-vps go",
    ]


def test_each_step_has_something_to_look_at_and_a_way_back(shipped: Move) -> None:
    for step in shipped.steps:
        assert step.commands
        assert step.look
        assert step.back


def test_names_zone_and_images_stay(shipped: Move) -> None:
    assert [what for what, _ in shipped.stays] == [
        "the names devora.ai, www.devora.ai",
        "the zone devora.ai",
        "the images backend, frontend",
    ]
    assert [resource.name for resource in shipped.left] == ["devora-vps-zone-domain"]


def test_what_goes_is_the_old_stack_and_what_of_it_is_protected_goes_by_its_name(shipped: Move) -> None:
    assert {resource.urn for resource in shipped.goes} == {one.urn for one in shipped.before.graph if one.custom}
    last = shipped.steps[-1]
    unprotected = [command.partition("'")[2].partition("'")[0] for command in last.commands if "unprotect" in command]
    protected = {one.urn for one in shipped.before.graph if one.protect}
    assert {*unprotected, *(one.urn for one in shipped.left)} == protected
    assert not set(unprotected) & {one.urn for one in shipped.left}
    for name in ("devora-vps-vpc", "devora-vps-address", "devora-vps-zone-domain"):
        assert name in last.why


def test_the_price_is_before_while_both_run_and_after(shipped: Move) -> None:
    price = shipped.price
    assert price.before == shipped.before.cost.monthly == 19.0
    assert price.after == shipped.after.cost.monthly
    assert price.together == price.before + price.after
    assert price.more_a_day == pytest.approx(price.after * 12 / 365, abs=0.01)


def test_what_the_account_pays_once_is_not_counted_twice(tmp_path: Path) -> None:
    def with_a_bucket(blocks: Blocks) -> None:
        blocks["product"]["backing"]["exports"] = {"engine": "object-storage", "provider": "managed"}

    move = devora(tmp_path, before=with_a_bucket)
    assert move.price.together == move.price.before + move.price.after - 5.0


def test_mongodb_is_dumped_in_the_window_and_uploads_are_copied_before_and_in_it(shipped: Move) -> None:
    assert data(shipped) == {"documents": "dump", "uploads": "copy"}
    assert shipped.data[0].before == "mongodb 7 on devora-vps's own host"
    assert shipped.data[0].after == "managed mongodb 7"
    assert shipped.data[1].before == "volume uploads of backend"
    cutover = shipped.steps[5]
    assert cutover.commands[-1] == "shut && time bring_documents && time bring_uploads && move_names"


def test_the_names_move_only_in_the_cutover_and_to_the_new_side_first(shipped: Move) -> None:
    lines = commands(shipped)
    held = lines.index("pulumi config set --path slipway:dns.records false -s devora-fleet")
    assert lines[held + 1] == "pulumi up -s devora-fleet"
    (moved,) = [line for line in lines if line.startswith("move_names()")]
    order = [
        "pulumi config rm --path slipway:dns.records -s devora-fleet",
        "pulumi up --yes --skip-preview -s devora-fleet",
        "pulumi config set --path slipway:dns.records false -s devora-vps",
        "pulumi up --yes --skip-preview -s devora-vps",
    ]
    assert moved == f"move_names() {{ {' && '.join(order)}; }}"
    assert lines[lines.index(moved) + 1] == "shut && time bring_documents && time bring_uploads && move_names"


def test_old_records_are_forgotten_soon_before_they_move(tmp_path: Path) -> None:
    def short(blocks: Blocks) -> None:
        blocks["dns"]["ttl"] = 60

    assert "pulumi config set --path slipway:dns.ttl 60 -s devora-vps" in commands(devora(tmp_path))
    assert not [command for command in commands(devora(tmp_path, before=short)) if "dns.ttl" in command]


def test_a_secret_that_the_old_side_has_goes_over_without_being_seen(tmp_path: Path) -> None:
    def another(blocks: Blocks) -> None:
        blocks["product"]["services"]["backend"]["environment"]["NEW_KEY"] = {"secret": "NEW_KEY"}

    lines = commands(devora(tmp_path, after=another))
    asked = "pulumi config set --secret slipway:{0} -s devora-fleet"
    assert f"pulumi config get slipway:REGISTRY_TOKEN -s devora-vps | {asked.format('REGISTRY_TOKEN')}" in lines
    assert asked.format("NEW_KEY") in lines


@pytest.mark.parametrize(
    ("backing", "how", "about"),
    [
        ({"engine": "redis", "provider": "managed", "size": "db-s-1vcpu-1gb"}, "empty", "starts empty"),
        ({"engine": "object-storage", "provider": "managed"}, "copy", "copied beforehand"),
        ({"engine": "postgres", "provider": "external", "url": {"secret": "ELSEWHERE"}}, "stays", "both sides use it"),
        ({"engine": "rabbitmq", "provider": "external", "url": {"secret": "QUEUE"}}, "stays", "both sides use it"),
    ],
    ids=lambda value: value["engine"] if isinstance(value, dict) else "",
)
def test_what_both_sides_have_is_brought_over_by_its_engine(
    tmp_path: Path, backing: dict[str, Any], how: str, about: str
) -> None:
    def with_it(blocks: Blocks) -> None:
        blocks["product"]["backing"]["extra"] = backing

    (found,) = [one for one in devora(tmp_path, with_it, with_it).data if one.name == "extra"]
    assert found.how == how
    assert found.about.startswith(about)


def test_another_database_elsewhere_is_dumped_into_too(tmp_path: Path) -> None:
    def at(secret: str) -> Change:
        def change(blocks: Blocks) -> None:
            extra = {"engine": "postgres", "provider": "external", "url": {"secret": secret}}
            blocks["product"]["backing"]["extra"] = extra

        return change

    move = devora(tmp_path, at("ONE"), at("ANOTHER"))
    (found,) = [one for one in move.data if one.name == "extra"]
    assert (found.how, found.before, found.after) == ("dump", "postgres 17 elsewhere", "postgres 17 elsewhere")
    assert "pg_dump" in found.commands[0]


def test_what_only_one_side_has_goes_or_starts_empty(tmp_path: Path) -> None:
    cache = {"engine": "redis", "provider": "managed", "size": "db-s-1vcpu-1gb"}

    def with_cache(blocks: Blocks) -> None:
        blocks["product"]["backing"]["cache"] = cache

    def without_bucket(blocks: Blocks) -> None:
        del blocks["product"]["backing"]["uploads"]
        variables = blocks["product"]["services"]["backend"]["environment"]
        blocks["product"]["services"]["backend"]["environment"] = {
            name: value for name, value in variables.items() if not name.startswith("AWS_")
        }

    assert data(devora(tmp_path, before=with_cache))["cache"] == "goes"
    assert data(devora(tmp_path, after=with_cache))["cache"] == "new"
    move = devora(tmp_path, after=without_bucket)
    assert data(move)["backend-uploads"] == "goes"
    assert "it goes with devora-vps" in next(one.about for one in move.data if one.name == "backend-uploads")


def test_another_engine_takes_nothing_over(tmp_path: Path) -> None:
    def postgres(blocks: Blocks) -> None:
        blocks["product"]["backing"]["documents"] = {
            "engine": "postgres", "provider": "managed", "size": "db-s-1vcpu-1gb", "version": 17,
        }  # fmt: skip

    assert data(devora(tmp_path, after=postgres))["documents"] == "goes"


def test_a_bucket_goes_back_into_a_volume(tmp_path: Path) -> None:
    def no_zone(blocks: Blocks) -> None:
        del blocks["dns"]["create_zone"]

    fleet, droplet = write(tmp_path, "devora-fleet"), write(tmp_path, "devora-vps", no_zone)
    move = make_move(fleet, droplet, tmp_path)
    assert data(move) == {"documents": "dump", "uploads": "copy"}
    assert move.data[1].after == "volume uploads of backend"
    copied = move.data[1].commands
    assert "rclone copy :s3:devora-fleet-uploads /root/moving" in copied[0]
    assert copied[0].startswith('ssh "ops@$OLD" ')
    assert "tar x -C /opt/devora/data/_volumes/uploads" in copied[1]


def test_a_move_within_one_kind_copies_volumes_and_dumps_databases(tmp_path: Path) -> None:
    move = to_another(tmp_path, "devora-vps")
    assert data(move) == {"documents": "dump", "backend-uploads": "copy"}
    assert "tar c -C /opt/devora/data/_volumes/uploads" in move.data[1].commands[0]
    assert title(move)[3:5] == ["Look at backend", "Look at frontend"]


def test_a_side_is_made_read_only_by_the_project_s_own_command(tmp_path: Path) -> None:
    move = to_another(tmp_path, "prod")
    assert "shut() { make read-only STACK=prod ON=1; }" in commands(move)
    assert "reopen() { make read-only STACK=prod ON=0; }" in commands(move)
    assert "make read-only STACK=vulcan-next ON=1" in move.steps[-2].back
    assert data(move) == {"cache": "empty", "database": "dump"}


def test_what_is_written_over_websockets_is_not_promised_to_stop(tmp_path: Path) -> None:
    def without(blocks: Blocks) -> None:
        for route in blocks["product"]["routes"]:
            route.pop("streaming", None)

    assert "what visitors write over WebSockets to backend goes on" in " ".join(devora(tmp_path).mind)
    assert "WebSocket" not in " ".join(devora(tmp_path, without, without).mind)


def test_who_works_by_itself_is_stopped_and_told_apart(tmp_path: Path) -> None:
    def with_worker(blocks: Blocks) -> None:
        worker = {"role": "worker", "image": "backend", "command": "work", "ready": "true", "memory": "64Mi"}
        blocks["product"]["services"]["mailer"] = worker
        blocks["architecture"]["size"] = "s-4vcpu-8gb"
        blocks["budget"] = {"monthly": 500}

    move = devora(tmp_path, with_worker, with_worker)
    shut, reopen = (next(one for one in commands(move) if one.startswith(f"{name}()")) for name in ("shut", "reopen"))
    assert "com.docker.compose.service=mailer" in shut
    assert "docker start" in reopen
    assert shut.startswith("shut() { make read-only STACK=devora-vps ON=1 && ssh ")
    assert "mailer of devora-fleet work from the start" in " ".join(move.mind)


def test_what_is_signed_with_a_generated_key_is_void_and_said_to_be(tmp_path: Path) -> None:
    move = to_another(tmp_path, "prod")
    assert "backend.SECRET_KEY is generated anew" in " ".join(move.mind)


def test_other_releases_on_the_two_sides_are_told(tmp_path: Path) -> None:
    def newer(blocks: Blocks) -> None:
        images = blocks["product"]["release"]["images"]
        images["backend"] = images["backend"][:-1] + "9"

    move = devora(tmp_path, after=newer)
    assert "the image frontend" in [what for what, _ in move.stays]
    assert "different releases" in " ".join(move.mind)


def test_the_certificate_comes_from_the_cloud_from_the_old_host_or_late(tmp_path: Path) -> None:
    def managed(blocks: Blocks) -> None:
        blocks["architecture"]["balancer"] = {"provider": "managed", "nodes": 1}

    assert "Bring over uploads" in title(devora(tmp_path, after=managed))
    assert not [one for one in commands(devora(tmp_path, after=managed)) if "letsencrypt" in one or "insecure" in one]
    fleet = write(tmp_path, "devora-fleet", managed)
    late = make_move(fleet, write(tmp_path, "devora-fleet", beside, "devora-next"), tmp_path)
    assert not [one for one in commands(late) if "letsencrypt" in one]
    assert "--insecure" in " ".join(commands(late))
    assert "browsers warn until then" in next(step.why for step in late.steps if step.title == "Cut over")


def test_names_that_somebody_else_keeps_are_not_withheld(tmp_path: Path) -> None:
    def elsewhere(blocks: Blocks) -> None:
        blocks["dns"] = {"provider": "print"}

    move = devora(tmp_path, elsewhere, elsewhere)
    assert not [one for one in commands(move) if "dns.records" in one or "dns.ttl" in one]
    moved = devora(tmp_path, after=elsewhere)
    assert "names move from digitalocean to print" in " ".join(moved.mind)


def test_a_service_is_looked_at_where_visitors_get_to_it(tmp_path: Path) -> None:
    """Not by a health path below a route that another service answers."""

    def hidden(blocks: Blocks) -> None:
        services = blocks["product"]["services"]
        services["backend"]["health"], services["frontend"]["health"] = "/api/health", "/api/page"
        blocks["product"]["routes"] = [{"path": "/", "service": "frontend"}, {"path": "/api/", "service": "backend"}]

    told = {step.title: " ".join(step.commands) for step in devora(tmp_path, hidden, hidden).steps}
    assert "https://devora.ai/api/health" in told["Look at backend"]
    assert "https://devora.ai/ " in f"{told['Look at frontend']} "
    assert "/api/page" not in told["Look at frontend"]


def test_a_zone_that_goes_is_said_before_it_goes(tmp_path: Path, shipped: Move) -> None:
    def of_a_zone_of_its_own(blocks: Blocks) -> None:
        blocks["product"] |= {"domain": "www.devora.ai", "aliases": []}
        blocks["dns"]["zone"] = "www.devora.ai"

    destroys = "the last step destroys the zone devora.ai: its other records, such as those of mail, go with it"
    assert destroys in devora(tmp_path, after=of_a_zone_of_its_own).mind
    assert not any("destroys the zone" in one for one in shipped.mind)
