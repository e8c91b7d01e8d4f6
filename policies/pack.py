"""The rules as Pulumi's policies. Duck-typed, so that the rules can be tried without Pulumi's policy package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policies.graph import UNKNOWN, Graph, Resource
from policies.rule import Context, Rule

Report = Callable[[str, str | None], None]


def validator(rule: Rule) -> Callable[[Any, Report], None]:
    """What the policy package calls with a stack's resources and a function that takes a message and a URN."""

    def validate(arguments: Any, report: Report) -> None:
        context = Context(Graph(resource(item) for item in arguments.resources))
        for finding in rule.findings(context):
            report(str(finding), finding.urn)

    return validate


def resource(item: Any) -> Resource:
    """A resource of the policy package as the rules see it. Secrets are plain there: nobody can tell which."""
    return Resource(
        urn=item.urn,
        type=item.resource_type,
        name=item.name,
        parent=item.parent.urn if item.parent is not None else None,
        inputs=_plain(item.props),
        secret_paths=None,
        protect=bool(item.opts.protect),
        dependencies=tuple(sorted(dependency.urn for dependency in item.dependencies)),
        property_dependencies={
            key: tuple(sorted(dependency.urn for dependency in dependencies))
            for key, dependencies in item.property_dependencies.items()
        },
        ignore_changes=tuple(item.opts.ignore_changes),
        aliases=tuple(item.opts.aliases),
    )


def _plain(value: Any) -> Any:
    """`value` without the proxies that raise where something is not known yet."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _item(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except Exception as error:
        if type(error).__name__ != "UnknownValueError":
            raise
        return UNKNOWN
