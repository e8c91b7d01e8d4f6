"""For each rule, stacks that break it and stacks that obey it."""

from __future__ import annotations

import dataclasses

from tests.policies.stacks import (
    ADMINS,
    OPEN,
    Case,
    apply,
    cloud_config,
    command,
    context,
    droplet,
    firewall,
    inbound,
    product,
    resource,
    settings,
)

CLUSTER, REPLICA = resource("DatabaseCluster", protect=True), resource("DatabaseReplica")

CASES = [
    Case(
        "public-ssh",
        [
            context(firewall(inbound("22", OPEN))),
            context(firewall(inbound("all", ["::/0"]))),
            context(firewall(inbound("20-25", ["0.0.0.0/0"]))),
            context(firewall(inbound("22", ["0.0.0.0/1", "128.0.0.0/1"]))),
            context(apply(firewall={"ssh_from": ["0.0.0.0/0"], "tcp": []})),
        ],
        [
            context(firewall(inbound("22", ADMINS), inbound("80", OPEN), inbound(None, OPEN, "icmp"))),
            context(firewall(inbound("2222-3000", OPEN))),
            context(firewall(inbound("22", ["10.0.0.0/8", "2001:db8::/32"]))),
            context(apply()),
        ],
    ),
    Case(
        "public-port",
        [context(firewall(inbound("5432", OPEN))), context(apply(firewall={"ssh_from": ADMINS, "tcp": [80, 6379]}))],
        [context(firewall(inbound("443", OPEN), inbound("5432", ["10.0.0.0/8"]))), context(apply())],
    ),
    Case(
        "no-firewall",
        [context(droplet()), context(droplet(tags=["other"]), firewall()), context(apply(firewall=None))],
        [
            context(droplet(), firewall()),
            context(droplet(tags=[]), dataclasses.replace(firewall(), dependencies=(droplet().urn,))),
            context(apply()),
        ],
    ),
    Case("no-egress", [context(firewall(outboundRules=[]))], [context(firewall())]),
    Case("unchecked-host-key", [context(command(connection={"host": "h"}))], [context(command())]),
    Case(
        "unprotected-data",
        [
            *(
                context(resource(kind))
                for kind in ("DatabaseCluster", "SpacesBucket", "Volume", "Domain", "ReservedIp", "Vpc", "Nfs")
            ),
            context(CLUSTER, resource("DatabaseFirewall", property_dependencies={"clusterId": (CLUSTER.urn,)})),
            context(resource("SpacesBucket", protect=True, inputs={"forceDestroy": True})),
        ],
        [
            *(
                context(resource(kind, protect=True))
                for kind in ("DatabaseCluster", "SpacesBucket", "Volume", "Domain")
            ),
            context(resource("Tag")),
            context(REPLICA, resource("DatabaseFirewall", property_dependencies={"clusterId": (REPLICA.urn,)})),
        ],
    ),
    Case(
        "public-bucket",
        [context(resource("SpacesBucket", protect=True, inputs={"acl": "public-read"}))],
        [
            context(resource("SpacesBucket", protect=True, inputs={"acl": "private"})),
            context(resource("SpacesBucket", protect=True)),
        ],
    ),
    Case(
        "wide-key",
        [
            context(resource("SpacesKey", inputs={"grants": [{"bucket": "", "permission": "read"}]})),
            context(resource("SpacesKey", inputs={"grants": [{"bucket": "a", "permission": "fullaccess"}]})),
        ],
        [context(resource("SpacesKey", inputs={"grants": [{"bucket": "a", "permission": "readwrite"}]}))],
    ),
    Case(
        "secret-in-user-data",
        [
            context(droplet(userData="#cloud-config\npassword: \u2039generated it\u203a")),
            context(droplet(userData=cloud_config(runcmd=["echo \u2039TOKEN\u203a"]))),
            context(droplet(userData="#!/bin/sh\nexport DATABASE_URL=postgresql://a:b@db/x")),
            context(droplet(userData=cloud_config(write_files=["-----BEGIN RSA PRIVATE KEY-----"]))),
        ],
        [
            context(droplet(userData=cloud_config(users=["deploy"]))),
            context(droplet(userData=cloud_config(keys=["ssh-ed25519 \u2039public key of it\u203a"]))),
            context(droplet()),
        ],
    ),
    Case(
        "secret-in-command",
        [
            context(dataclasses.replace(command(), secret_paths=frozenset({"create"}))),
            context(dataclasses.replace(command(environment={"A": "b"}), secret_paths=frozenset({"environment.A"}))),
            context(dataclasses.replace(command(triggers=["a"]), secret_paths=frozenset({"triggers[0]"}))),
            context(command(create="psql postgresql://a:b@db/x")),
            context(
                dataclasses.replace(command(addPreviousOutputInEnv=True, stdin="x"), secret_paths=frozenset({"stdin"}))
            ),
        ],
        [context(dataclasses.replace(command(stdin="x"), secret_paths=frozenset({"stdin"})))],
    ),
    Case(
        "plain-secret",
        [
            context(resource("DatabaseUser", inputs={"password": "x"})),
            context(resource("Tag", inputs={"name": "redis://:hunter@cache/0"})),
            context(resource("App", inputs={"spec": {"envs": [{"apiKey": "x"}]}})),
        ],
        [
            context(resource("DatabaseUser", inputs={"password": "x"}, secret_paths=frozenset({"password"}))),
            context(resource("App", inputs={"spec": {"token": "x"}}, secret_paths=frozenset({"spec"}))),
            context(resource("DatabaseUser", inputs={"password": "x"}, secret_paths=None)),
            context(resource("Tag", inputs={"name": "https://a.example.com/"})),
        ],
    ),
    Case(
        "unwatched",
        [context(droplet(monitoring=False)), context(droplet(tags=[])), context(droplet(sshKeys=[]))],
        [context(droplet())],
    ),
    Case(
        "cut-streams",
        [
            context(of=settings(**product(routes=[{"path": "/", "service": "api", "streaming": True}]))),
            context(of=settings(file="devora-vps", **product(services={"backend": {"stop_after": "299s"}}))),
        ],
        [
            context(of=settings(file="devora-vps")),
            context(of=settings(**product(routes=[{"path": "/", "service": "api", "timeout": "1h"}]))),
            context(
                of=settings(
                    **product(
                        services={"api": {"stop_after": "60s"}},
                        routes=[{"path": "/", "service": "api", "streaming": True, "timeout": "60s"}],
                    )
                )
            ),
            context(),
        ],
    ),
    Case(
        "debug",
        [
            context(of=settings(**product(environment={"DEBUG": "True"}))),
            context(of=settings(**product(services={"api": {"environment": {"DEBUG": "1"}}}))),
            context(of=settings(**product(environment={"VITE_DEBUG_MODE": "true"}))),
            context(of=settings(**product(environment={"NODE_ENV": "development"}))),
            context(apply(files=[{"path": "/srv/a/.env", "content": "A=1\nDEBUG=true\n"}])),
        ],
        [
            context(of=settings()),
            context(of=settings("development", **product(environment={"DEBUG": "True"}))),
            context(of=settings(**product(environment={"NODE_ENV": "production"}))),
            context(of=settings(**product(environment={"VITE_DEBUG_MODE": "false", "DEBUGGER": "true"}))),
            context(apply(files=[{"path": "/srv/a/.env", "content": "A=1\nDEBUG=False\n"}])),
        ],
    ),
    Case(
        "any-host",
        [
            context(of=settings(**product(environment={"ALLOWED_HOSTS": "*"}))),
            context(of=settings("staging", **product(environment={"ALLOWED_HOSTS": "a.example.com,*"}))),
            context(apply(files=[{"path": "/srv/a/.env", "content": 'ALLOWED_HOSTS="*"\n'}])),
        ],
        [context(of=settings()), context(of=settings(**product(environment={"ALLOWED_HOSTS": "a.example.com"})))],
    ),
    Case(
        "untrusted-certificate",
        [context(of=settings(certificates={"authority": "lets-encrypt-staging"}))],
        [
            context(of=settings()),
            context(of=settings("staging", certificates={"authority": "lets-encrypt-staging"})),
        ],
    ),
    Case(
        "undeclared-migration",
        [context(of=settings(**product(jobs={"migrate": {"backward_compatible": None}})))],
        [context(of=settings()), context(of=settings("devora-vps", "devora-vps")), context(droplet())],
    ),
    Case(
        "names-elsewhere",
        [context(of=settings(dns={"records": False}))],
        [context(of=settings()), context(of=settings(dns={"records": True})), context(droplet())],
    ),
    Case(
        "budget",
        [context(of=settings(budget={"monthly": 20}), monthly=20.01)],
        [
            context(of=settings(budget={"monthly": 20}), monthly=20.0),
            context(of=settings(), monthly=1000.0),
            context(monthly=1000.0),
        ],
    ),
]
