"""What a host is to be: read strictly from JSON, so that a mistake is one line before anything is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .run import HostError

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(\|[a-z0-9][a-z0-9+.-]+)*\Z")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.(service|socket|timer|target|path|mount)\Z")
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
_VERSION = re.compile(r"\d+(\.\d+)*\Z")
_NPM_NAME = re.compile(r"(@[a-z0-9._-]+/)?[a-z0-9._-]+\Z")
_SIMPLE_ACTIONS = ("daemon-reload", "sysctl", "tmpfiles")


@dataclass(frozen=True)
class Toolchain:
    """Node of one version and the npm packages that are installed for everyone, each of one version."""

    node: str
    npm: dict[str, str]


@dataclass(frozen=True)
class User:
    """A system user and exactly the groups it is in beside its own."""

    name: str
    home: str
    shell: str
    system: bool
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Directory:
    """A directory, its mode and whose it is."""

    path: str
    mode: int
    owner: str
    group: str


@dataclass(frozen=True)
class File:
    """A file: its text, mode, whose it is, what must accept it (`{}` = its path), what happens after it changed."""

    path: str
    content: str
    mode: int
    owner: str
    group: str
    validate: tuple[str, ...]
    then: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """A systemd unit and whether it starts at boot and runs now."""

    name: str
    enabled: bool
    running: bool


@dataclass(frozen=True)
class Firewall:
    """Ranges that may reach SSH, and TCP ports that everyone may reach. Nothing else comes in."""

    ssh_from: tuple[str, ...]
    tcp: tuple[int, ...]


@dataclass(frozen=True)
class Certificate:
    """Names in the certificate (the first names its directory), the contact, the ACME directory, and what serves it."""

    domains: tuple[str, ...]
    email: str
    directory: str
    served_by: str = "nginx"


@dataclass(frozen=True)
class Manifest:
    """Everything that a host is to be, except the release it runs. A package may be `a|b` (packages.py)."""

    product: str
    hostname: str
    swap_mib: int
    packages: tuple[str, ...]
    toolchain: Toolchain | None
    users: tuple[User, ...]
    directories: tuple[Directory, ...]
    files: tuple[File, ...]
    absent: tuple[str, ...]
    units: tuple[Unit, ...]
    firewall: Firewall | None
    certificate: Certificate | None


def read(text: str) -> Manifest:
    """The manifest in `text` (JSON). HostError with the key and what is wrong with it."""
    try:
        data = json.loads(text)
    except ValueError:
        raise HostError("manifest: this is no JSON") from None
    top = _Table(data, "manifest")
    manifest = Manifest(
        product=top.match("product", _NAME, "a name"),
        hostname=top.match("hostname", _HOSTNAME, "a host name"),
        swap_mib=top.number("swap_mib", 0, 1 << 20),
        packages=top.each_match("packages", _PACKAGE, "a package"),
        toolchain=top.maybe("toolchain", _toolchain),
        users=top.each("users", _user),
        directories=top.each("directories", _directory),
        files=top.each("files", _file),
        absent=tuple(_path(value, where) for value, where in top.items("absent")),
        units=top.each("units", _unit),
        firewall=top.maybe("firewall", _firewall),
        certificate=top.maybe("certificate", _certificate),
    )
    top.done()
    _once("files", [file.path for file in manifest.files] + list(manifest.absent))
    _once("directories", [directory.path for directory in manifest.directories])
    _once("units", [unit.name for unit in manifest.units])
    return manifest


def _once(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise HostError(f"manifest.{what}: {name} is there twice")
        seen.add(name)


class _Table:
    """A JSON object that is read key by key, each once, and has no others."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise HostError(f"{where}: this has to be an object")
        self.data = dict(data)
        self.where = where

    def wrong(self, key: str, what: str) -> HostError:
        return HostError(f"{self.where}.{key}: {what}")

    def take(self, key: str) -> Any:
        if key not in self.data:
            raise self.wrong(key, "is missing")
        return self.data.pop(key)

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(key, "has to be text")
        return value

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "has to be true or false")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        return _number(self.take(key), f"{self.where}.{key}", least, most)

    def match(self, key: str, pattern: re.Pattern[str], what: str, otherwise: str = "") -> str:
        value = self.data.pop(key, otherwise) if otherwise else self.take(key)
        return _match(value, f"{self.where}.{key}", pattern, what)

    def items(self, key: str) -> list[tuple[Any, str]]:
        value = self.take(key)
        if not isinstance(value, list):
            raise self.wrong(key, "has to be a list")
        return [(item, f"{self.where}.{key}[{index}]") for index, item in enumerate(value)]

    def each_match(self, key: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
        return tuple(_match(value, where, pattern, what) for value, where in self.items(key))

    def each(self, key: str, make: Callable[[_Table], Any]) -> tuple[Any, ...]:
        return tuple(_made(value, where, make) for value, where in self.items(key))

    def maybe(self, key: str, make: Callable[[_Table], Any]) -> Any:
        value = self.take(key)
        return None if value is None else _made(value, f"{self.where}.{key}", make)

    def mode(self, key: str) -> int:
        return int(self.match(key, re.compile(r"0?[0-7]{3,4}\Z"), "a mode such as 0644"), 8)

    def done(self) -> None:
        for key in self.data:
            raise self.wrong(key, "is not known here")


def _made(value: Any, where: str, make: Callable[[_Table], Any]) -> Any:
    table = _Table(value, where)
    made = make(table)
    table.done()
    return made


def _match(value: Any, where: str, pattern: re.Pattern[str], what: str) -> str:
    # The value itself is not repeated: a text in the wrong place may be a secret.
    if not isinstance(value, str) or not pattern.match(value):
        raise HostError(f"{where}: this is not {what}")
    return value


def _number(value: Any, where: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise HostError(f"{where}: has to be a whole number from {least} to {most}")
    return value


def _path(value: Any, where: str) -> str:
    plain = isinstance(value, str) and value.startswith("/") and not any(ord(letter) < 32 for letter in value)
    if not plain or value == "/" or any(part in ("", ".", "..") for part in value[1:].split("/")):
        raise HostError(f"{where}: this is not an absolute path in its simplest form")
    return str(value)


def _toolchain(table: _Table) -> Toolchain:
    node = table.match("node", _VERSION, "a version")
    packages = table.take("npm")
    if not isinstance(packages, dict):
        raise table.wrong("npm", "has to be an object of versions by package")
    for name, version in packages.items():
        _match(name, f"{table.where}.npm", _NPM_NAME, "an npm package")
        _match(version, f"{table.where}.npm.{name}", _VERSION, "an exact version")
    return Toolchain(node, dict(packages))


def _user(table: _Table) -> User:
    return User(
        name=table.match("name", _NAME, "a user name"),
        home=_path(table.take("home"), f"{table.where}.home"),
        shell=_path(table.take("shell"), f"{table.where}.shell"),
        system=table.flag("system"),
        groups=table.each_match("groups", _NAME, "a group name"),
    )


def _directory(table: _Table) -> Directory:
    return Directory(
        path=_path(table.take("path"), f"{table.where}.path"),
        mode=table.mode("mode"),
        owner=table.match("owner", _NAME, "a user name"),
        group=table.match("group", _NAME, "a group name"),
    )


def _file(table: _Table) -> File:
    then = [(_match(value, where, re.compile(r"[^\n]+\Z"), "an action"), where) for value, where in table.items("then")]
    for action, where in then:
        verb, _, unit = action.partition(" ")
        if action not in _SIMPLE_ACTIONS and (verb not in ("reload", "restart") or not _UNIT.match(unit)):
            raise HostError(f"{where}: {action!r} is not reload <unit>, restart <unit>, {', '.join(_SIMPLE_ACTIONS)}")
    return File(
        path=_path(table.take("path"), f"{table.where}.path"),
        content=table.text("content"),
        mode=table.mode("mode"),
        owner=table.match("owner", _NAME, "a user name"),
        group=table.match("group", _NAME, "a group name"),
        validate=table.each_match("validate", re.compile(r"[^\0]+\Z"), "an argument"),
        then=tuple(action for action, _ in then),
    )


def _unit(table: _Table) -> Unit:
    return Unit(table.match("name", _UNIT, "a unit's full name"), table.flag("enabled"), table.flag("running"))


def _firewall(table: _Table) -> Firewall:
    return Firewall(
        ssh_from=table.each_match("ssh_from", re.compile(r"[0-9a-f.:]+/\d{1,3}\Z"), "a range of addresses"),
        tcp=tuple(_number(value, where, 1, 65535) for value, where in table.items("tcp")),
    )


def _certificate(table: _Table) -> Certificate:
    domains = table.each_match("domains", _DOMAIN, "a domain")
    if not domains:
        raise table.wrong("domains", "has to name at least one")
    return Certificate(
        domains,
        email=table.match("email", re.compile(r"[^\s@-][^\s@]*@[^\s@]+\Z"), "an address of mail"),
        directory=table.match("directory", re.compile(r"https://\S+\Z"), "an https:// URL"),
        served_by=table.match("served_by", re.compile(r"(nginx|haproxy)\Z"), "nginx or haproxy", otherwise="nginx"),
    )
