"""What an app on the App Platform is made of (SF1, SF2, SF5, SF7, SF8, ALL3)."""

from __future__ import annotations

from typing import Any

import pytest

from components.app import App, LogsTo, Way
from components.dns import Names, NamesArgs, Zone
from components.monitoring import Monitoring, MonitoringArgs
from settings.stack import Alerts, Dns
from tests.components.app_parts import DIGEST, filled, job, program, queue, spec, web
from tests.components.conftest import Record


def test_a_service_has_its_image_by_digest_its_instances_and_its_health(record: Record) -> None:
    """SF1"""
    (service,) = spec(record)["services"]
    assert service["image"] == {
        "registryType": "GHCR",
        "registry": "example",
        "repository": "shop",
        "digest": DIGEST,
        "registryCredentials": "reader:a-token",
    }
    assert (service["instanceCount"], service["instanceSizeSlug"], service["httpPort"]) == (2, "apps-s-1vcpu-1gb", 8000)
    assert service["healthCheck"]["httpPath"] == "/health"
    assert "httpPath" not in service["livenessHealthCheck"], "a database that is away would restart every instance"
    assert service["termination"] == {"gracePeriodSeconds": 30, "drainSeconds": 30}
    assert "autoscaling" not in service
    assert "tag" not in service["image"]


@pytest.mark.parametrize(("start_within", "failures"), [(60, 12), (3, 1), (61, 13)])
def test_a_new_instance_has_as_long_to_become_well_as_its_service_may_take(
    record: Record, start_within: int, failures: int
) -> None:
    (service,) = spec(record, parts=[web(start_within=start_within)])["services"]
    check, liveness = service["healthCheck"], service["livenessHealthCheck"]
    assert check["failureThreshold"] == failures
    assert check["failureThreshold"] * check["periodSeconds"] >= start_within
    assert liveness["initialDelaySeconds"] == start_within, "it would be restarted while it starts"


def test_new_requests_are_kept_away_no_longer_than_the_platform_can(record: Record) -> None:
    (service,) = spec(record, parts=[web(stop_after=600)])["services"]
    assert service["termination"] == {"gracePeriodSeconds": 600, "drainSeconds": 110}


def test_load_decides_on_the_number_where_it_is_asked_to(record: Record) -> None:
    (service,) = spec(record, parts=[web(most=6, busy=65)])["services"]
    assert service["autoscaling"] == {
        "minInstanceCount": 2,
        "maxInstanceCount": 6,
        "metrics": {"cpu": {"percent": 65}},
    }
    assert "instanceCount" not in service


def test_a_worker_is_asked_nothing_and_reached_by_nobody(record: Record) -> None:
    (worker,) = spec(record)["workers"]
    assert worker["runCommand"] == "work --all"
    assert not {"httpPort", "healthCheck", "livenessHealthCheck"} & set(worker)
    assert worker["termination"] == {"gracePeriodSeconds": 30}


def test_a_job_runs_once_around_each_deployment_and_alerts_nobody_by_itself(record: Record) -> None:
    """SF2"""
    before, after = spec(record, parts=[job(), job(name="warm", role="after")])["jobs"]
    assert (before["kind"], before["runCommand"], before["instanceCount"]) == ("PRE_DEPLOY", "alembic upgrade head", 1)
    assert after["kind"] == "POST_DEPLOY"
    assert "alerts" not in before, "the failed deployment is told"


def test_variables_are_encrypted_or_plain_and_none_is_there_while_something_is_built(record: Record) -> None:
    """SF5, ALL3"""
    recorded = record(program())
    app = recorded.one("App")
    (service,) = app.inputs["spec"]["services"]
    assert service["envs"] == [
        {"key": "DEBUG", "value": "False", "type": "GENERAL", "scope": "RUN_TIME"},
        {"key": "KEY", "value": "a-key", "type": "SECRET", "scope": "RUN_TIME"},
    ]
    assert app.is_secret("spec.services[0].envs[1].value")
    assert app.is_secret("spec.services[0].image.registryCredentials")
    assert app.is_secret("spec.jobs[0].image.registryCredentials")
    assert not app.is_secret("spec.services[0].envs[0]")


def test_an_image_that_everybody_may_pull_comes_without_a_login(record: Record) -> None:
    image = f"docker.io/library/nginx@{DIGEST}"
    (service,) = spec(record, parts=[web(image=image)], has_credentials=False)["services"]
    assert service["image"] == {
        "registryType": "DOCKER_HUB",
        "registry": "library",
        "repository": "nginx",
        "digest": DIGEST,
    }


def test_an_image_may_lie_deeper_than_its_owner(record: Record) -> None:
    (service,) = spec(record, parts=[web(image=f"ghcr.io/example/shop/web@{DIGEST}")])["services"]
    assert (service["image"]["registry"], service["image"]["repository"]) == ("example", "shop/web")


def test_the_first_name_is_the_main_one_and_the_zone_is_the_platforms_to_write(record: Record) -> None:
    names = spec(record, zone="example.com")["domainNames"]
    assert names == [
        {"name": "shop.example.com", "type": "PRIMARY", "zone": "example.com"},
        {"name": "www.shop.example.com", "type": "ALIAS", "zone": "example.com"},
    ]
    assert all("zone" not in name for name in spec(record)["domainNames"])
    assert "domainNames" not in spec(record, domains=())


def test_a_request_keeps_its_path_and_may_be_told_by_its_name(record: Record) -> None:
    rules = spec(record, ways=[Way("/api", "web"), Way("/", "web", "api.example.com")])["ingress"]["rules"]
    to_web = {"name": "web", "preservePathPrefix": True}
    assert rules == [
        {"match": {"path": {"prefix": "/api"}}, "component": to_web},
        {"match": {"path": {"prefix": "/"}, "authority": {"exact": "api.example.com"}}, "component": to_web},
    ]


def test_somebody_hears_of_a_failed_deployment_a_failed_name_and_busy_instances(record: Record) -> None:
    """SF8"""
    made = spec(record)
    told = {"emails": ["ops@example.com"]}
    assert {alert["rule"] for alert in made["alerts"]} == {"DEPLOYMENT_FAILED", "DOMAIN_FAILED"}
    for part in (*made["services"], *made["workers"]):
        assert {alert["rule"]: alert["value"] for alert in part["alerts"]} == {
            "CPU_UTILIZATION": 80,
            "MEM_UTILIZATION": 90,
            "RESTART_COUNT": 1,
        }
        assert all(alert["destinations"] == told for alert in part["alerts"])


def test_the_team_hears_of_it_where_nobody_is_named(record: Record) -> None:
    assert all("destinations" not in alert for alert in spec(record, alerts=Alerts())["alerts"])


@pytest.mark.parametrize(
    ("logs", "destination"),
    [
        (
            LogsTo("papertrail", "syslog+tls://logs.example.com:1"),
            {"papertrail": {"endpoint": "syslog+tls://logs.example.com:1"}},
        ),
        (
            LogsTo("datadog", "https://logs.example.com"),
            {"datadog": {"endpoint": "https://logs.example.com", "apiKey": "a-log-token"}},
        ),
        (LogsTo("logtail", "https://logs.example.com"), {"logtail": {"token": "a-log-token"}}),
    ],
    ids=lambda given: given.provider if isinstance(given, LogsTo) else "",
)
def test_the_logs_of_every_part_go_where_they_should(record: Record, logs: LogsTo, destination: Any) -> None:
    """SF7"""
    made = spec(record, logs=logs)
    for part in (*made["services"], *made["workers"], *made["jobs"]):
        assert part["logDestinations"] == [{"name": logs.provider, **destination}]


@pytest.mark.parametrize(
    "logs", [None, LogsTo("logtail", "https://a.example.com"), LogsTo("datadog", "https://b.example.com")]
)
def test_what_the_platform_answers_for_a_secret_is_found_where_the_secret_was(
    record: Record, logs: LogsTo | None
) -> None:
    """SF5. Here it answers what it was sent."""
    made: list[App] = []
    found: list[Any] = []

    def declare() -> None:
        program(made, logs=logs)()
        made[0].encrypted.apply(found.append)

    record(declare)
    sent = filled([web(), queue(), job()])
    if logs is None:
        del sent["log_token"]
    assert found == [sent]


def test_what_no_component_has_is_not_looked_for(record: Record) -> None:
    found: list[Any] = []
    made: list[App] = []
    papertrail = LogsTo("papertrail", "syslog+tls://logs.example.com:1")

    def declare() -> None:
        program(made, parts=[web(secret=())], has_credentials=False, logs=papertrail)()
        made[0].encrypted.apply(found.append)

    record(declare)
    assert found == [{"variables": {"web": {}}}]


def test_who_hears_of_alerts_is_said_again_only_where_it_is_somebody_else(record: Record) -> None:
    """SF5: the provider does not read it back, and after a refresh it would be a deployment."""
    assert record(program()).one("App").ignore_changes == ()
    assert record(program(unchanged=True)).one("App").ignore_changes == (
        "spec.alerts[*].destinations",
        "spec.services[*].alerts[*].destinations",
        "spec.workers[*].alerts[*].destinations",
    )
    assert record(program(unchanged=True, alerts=Alerts())).one("App").ignore_changes == ()


def test_instances_are_paid_for_by_the_month_and_jobs_are_not(record: Record) -> None:
    made: list[App] = []
    record(program(made))
    assert made[0].monthly == 2 * 12 + 34


def _lines(record: Record, dns: Dns) -> list[str]:
    found: list[str] = []

    def declare() -> None:
        zone = Zone("shop-zone", dns)
        names = ("example.com", "www.example.com")
        made = Names("shop-names", NamesArgs(names, "shop.ondigitalocean.app", dns, zone, "CNAME"))
        made.records.apply(lambda lines: found.extend(lines))

    record(declare)
    return found


def test_names_elsewhere_lead_to_the_platforms_own_name(record: Record) -> None:
    """A zone's own name can have no CNAME."""
    assert _lines(record, Dns(provider="print", zone="example.com")) == [
        "example.com. 300 IN ALIAS shop.ondigitalocean.app.",
        "www.example.com. 300 IN CNAME shop.ondigitalocean.app.",
    ]


def test_names_at_cloudflare_lead_there_by_records(record: Record) -> None:
    dns = Dns(provider="cloudflare", zone="example.com", zone_id="0" * 32)

    def declare() -> None:
        given = NamesArgs(("www.example.com",), "shop.ondigitalocean.app", dns, Zone("shop-zone", dns), "CNAME")
        Names("shop-names", given)

    kept = record(declare).one("DnsRecord").inputs
    assert (kept["type"], kept["content"], kept["proxied"]) == ("CNAME", "shop.ondigitalocean.app", False)


def test_no_machine_is_watched_where_there_is_none(record: Record) -> None:
    args = MonitoringArgs(["https://shop.example.com/"], (), Alerts(email=("ops@example.com",)))
    recorded = record(lambda: Monitoring("shop-monitoring", args))
    assert recorded.all("MonitorAlert") == []
    assert recorded.one("UptimeCheck")
