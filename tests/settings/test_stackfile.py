"""A stack file on disk: what YAML can do to it, without a traceback."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from settings import stackfile
from settings.parse import parse
from settings.problems import SettingsError
from tests.settings.stack import ROOT

GOOD = (ROOT / "Pulumi.familyflow.yaml").read_text()


def told(folder: Path, text: str | bytes, name: str = "Pulumi.test.yaml") -> list[str]:
    """The lines for a stack file with this text."""
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        stackfile.read(file)
    return str(caught.value).splitlines()


def test_the_shipped_stack_is_read(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.staging.yaml"
    file.write_text(
        GOOD
        + '  slipway:SENTRY_DSN: {secure: "v1:abc"}\n  slipway:OTHER: plain\n  digitalocean:token: {secure: "v1:abc"}\n'
    )
    read = stackfile.read(file)
    assert read.stack == "staging"
    assert set(read.values) == {"product", "architecture", "access", "dns", "alerts"}
    assert read.secrets == {"SENTRY_DSN"}
    assert read.others == ("OTHER",)


def test_a_stack_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(GOOD)
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\n")
    with pytest.raises(SettingsError, match=r"^Pulumi.prd.yaml: there is no such stack file; stacks here: prod$"):
        stackfile.read(tmp_path / "Pulumi.prd.yaml")


def test_a_key_that_is_there_twice_is_told_with_its_lines(tmp_path: Path) -> None:
    text = "config:\n  slipway:alerts:\n    cpu: 90\n    email: []\n    cpu: 80\n"
    assert told(tmp_path, text)[0] == "Pulumi.test.yaml:5: the key 'cpu' is on line 3 already, should be there once"


def test_keys_that_are_there_twice_and_other_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("port: 8000", "port: 8000\n        port: many").replace("role: worker", "role: wrker")
    line = text[: text.index("port: 8000")].count("\n") + 1
    assert told(tmp_path, text) == [
        f"Pulumi.test.yaml:{line + 1}: the key 'port' is on line {line} already, should be there once",
        "slipway:product.services.api.port: is text, should be a whole number of at least 1 and at most 65535",
        "slipway:product.services.worker.role: is 'wrker', should be one of web, worker, scheduler, static",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "Pulumi.test.yaml: is empty, should have a `config:` with slipway:product and others"),
        ("# nothing\n", "Pulumi.test.yaml: is empty, should have a `config:` with slipway:product and others"),
        ("- a\n- b\n", "Pulumi.test.yaml: is a list, should be a mapping with `config:`"),
        ("hello\n", "Pulumi.test.yaml: is text, should be a mapping with `config:`"),
        ("config:\n", "Pulumi.test.yaml: config: is nothing, should be a mapping with slipway:product and others"),
        ("config: [1]\n", "Pulumi.test.yaml: config: is a list, should be a mapping with slipway:product and others"),
        ("config:\n\tslipway:dns: {}\n", "Pulumi.test.yaml:2: is indented with a tab, should be indented with spaces"),
        ("config: {a: [}\n", "Pulumi.test.yaml:1: is no valid YAML: "),
        ("config: {a: 'b}\n", "Pulumi.test.yaml:2: is no valid YAML: found unexpected end of stream"),
        ("config:\n  a: b: c\n", "Pulumi.test.yaml:2: is no valid YAML: mapping values are not allowed here"),
        (
            "config:\n  a: @b\n",
            "Pulumi.test.yaml:2: is no valid YAML: found character '@' that cannot start any token; ",
        ),
        ("a: 1\n---\nb: 2\n", "Pulumi.test.yaml:2: is no valid YAML: a second document starts here (---)"),
        ("a: *b\n", "Pulumi.test.yaml:1: is no valid YAML: an alias (*…) of nothing that has a name"),
        ("a: !x!y 1\n", "Pulumi.test.yaml:1: is no valid YAML: a tag (!…) that nothing says"),
        ("config: {[a]: b}\n", "Pulumi.test.yaml:1: has a key that is no text, should be a name"),
        ("config: \x01\n", "Pulumi.test.yaml: is no valid YAML: it has a character that no text has"),
        (b"config: \xff\xfe\n", "Pulumi.test.yaml: is no text in UTF-8, should be saved as UTF-8"),
        ("a: " + "[" * 5000, "Pulumi.test.yaml: is nested too deeply, should be written flat"),
    ],
    ids=[
        "empty",
        "comments alone",
        "a list",
        "text",
        "no config",
        "config is a list",
        "tabs",
        "brackets",
        "quotes",
        "two colons",
        "an at sign",
        "two documents",
        "an alias of nothing",
        "an unknown tag",
        "a list as key",
        "a control character",
        "no UTF-8",
        "too deep",
    ],
)
def test_what_is_no_stack_file_is_one_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    lines = told(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cpu: 2026-11-21", "slipway:alerts.cpu: is a date, should be in quotes: then it is text"),
        ("cpu: 2026-13-45", "slipway:alerts.cpu: is a date, should be in quotes: then it is text"),
        ("cpu: !!binary aGVsbG8=", "slipway:alerts.cpu: has a tag (!…), should be a plain value: "),
        ("cpu: !own 1", "slipway:alerts.cpu: has a tag (!…), should be a plain value: "),
        ("cpu: !!python/object:os.system {}", "slipway:alerts.cpu: has a tag (!…), should be a plain value: "),
        (
            f"cpu: {'9' * 5000}",
            "slipway:alerts.cpu: is no number that can be read, should be in quotes where it is text",
        ),
        ("cpu: 0x_", "slipway:alerts.cpu: is no number that can be read, should be in quotes where it is text"),
        (
            f"cpu: 0x{'f' * 5000}",
            "slipway:alerts.cpu: is a number of many digits, should be a whole number of at least 1",
        ),
        ("7: x", "slipway:alerts: has a key that is no text, should be in quotes"),
        ("cpu: &a [*a]", "slipway:alerts.cpu: is a list, should be a whole number of at least 1 and at most 100"),
        ("email: &a [*a]", "slipway:alerts.email[0]: is a list, should be an e-mail address such as ops@example.com"),
        ("cpu: &x {a: *x}", "slipway:alerts.cpu: is a mapping, should be a whole number of at least 1 and at most 100"),
        ("<<: &b {cpu: x}", "slipway:alerts.cpu: is text, should be a whole number of at least 1 and at most 100"),
    ],
)
def test_what_yaml_can_do_is_one_line(tmp_path: Path, line: str, expected: str) -> None:
    text = f"config:\n  slipway:alerts:\n    {line}\n" + GOOD.split("config:\n")[1].split("  slipway:alerts")[0]
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(text)
    lines = _all_mistakes(file)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


def _all_mistakes(file: Path) -> list[str]:
    from settings.parse import parse

    try:
        read = stackfile.read(file)
        parse(read.stack, read.values, read.secrets, others=read.others, require_secrets=False)
    except SettingsError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("start", ["*", "!", "!!", "!a!", "&", "@", "%", "`", "{", "["])
def test_a_secret_that_yaml_takes_for_something_else_is_not_repeated(tmp_path: Path, start: str) -> None:
    value = secrets.token_urlsafe(24)
    lines = told(tmp_path, f"config:\n  slipway:dns: {start}{value}\n  slipway:access: x: y\n")
    assert not any(value[at : at + 6] in line for line in lines for at in range(len(value) - 5))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("confg: {}\n", "Pulumi.test.yaml: confg: unknown key; did you mean 'config'?"),
        ("config: {product: {}}\n", "product: unknown key; did you mean 'slipway:product'?"),
        ("config: {slipwy:product: {}}\n", "slipwy:product: unknown key; did you mean 'slipway:product'?"),
        ("config: {1: {}}\n", "1: unknown key, should start with its program's name, such as slipway:product"),
        ("config: {slipway:TOKEN: {secure: ''}}\n", "slipway:TOKEN: is empty, should be set by "),
        ("config: {slipway:TOKEN: {secure: 1}}\n", "slipway:TOKEN: is empty, should be set by "),
    ],
)
def test_a_key_that_was_meant_for_us_is_not_passed_over(tmp_path: Path, text: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in told(tmp_path, text))


@pytest.mark.parametrize(
    "key",
    [
        "digitalocean:token",
        "digitalocean:spacesSecretKey",
        "digitalocean:spacesAccessId",
        "cloudflare:apiToken",
        "cloudflare:apiKey",
        "cloudflare:apiUserServiceKey",
        "aws:secretKey",
        "postgresql:password",
    ],
)
def test_a_credential_of_a_provider_in_plain_is_told_and_not_repeated(tmp_path: Path, key: str) -> None:
    value = secrets.token_urlsafe(24)
    lines = told(tmp_path, f"{GOOD}  {key}: {value}\n")
    assert lines == [
        f"{key}: is a credential in plain, should be encrypted: take it out, make a new one, "
        f"`pulumi config set --secret {key} -s test`"
    ]


def test_a_credential_is_known_by_its_shape_too_wherever_it_is(tmp_path: Path) -> None:
    token = f"dop_v1_{secrets.token_hex(32)}"
    lines = told(tmp_path, f"{GOOD}  other:a: {token}\n  other:b: {{c: [{token}]}}\n  other:{token}: {token}\n")
    assert [line.split(": ")[0] for line in lines[1:]] == ["other:a", "other:b"]
    assert "hidden" in lines[0]
    assert token not in "".join(lines)


def test_what_is_no_credential_and_what_is_encrypted_may_stand_beside(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(
        f"{GOOD}  digitalocean:token: {{secure: abc}}\n  digitalocean:apiEndpoint: https://api.example.com\n"
        "  aws:region: eu-west-1\n  aws:profile: ops\n  cloudflare:apiToken: ''\n  pulumi:tags: {team: ops}\n"
    )
    assert stackfile.read(file).others == ()


def test_a_block_that_is_encrypted_whole_is_a_mistake_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text("config: {slipway:product: {secure: abc}}\n")
    read = stackfile.read(file)
    assert read.secrets == frozenset()
    assert read.values == {"product": {"secure": "abc"}}


def test_a_folder_is_no_stack_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.test.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"^Pulumi.test.yaml: cannot be read: Is a directory$"):
        stackfile.read(tmp_path / "Pulumi.test.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("010", "starts with 0, which makes it 8 in YAML (octal), should be without the 0, or in quotes"),
        ("1:30", "is a number to the base 60 in YAML, should be in quotes"),
    ],
)
def test_a_number_that_yaml_reads_otherwise_than_people_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_text(f"config:\n  slipway:product: {{services: {{api: {{port: {text}}}}}}}\n")
    found = stackfile.read(file)
    with pytest.raises(SettingsError) as caught:
        parse(found.stack, found.values, found.secrets)
    (line,) = (line for line in str(caught.value).splitlines() if "api.port" in line)
    assert line.startswith(f"slipway:product.services.api.port: {told}")
