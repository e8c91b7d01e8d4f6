"""Which kind of host this is: what was applied to it says so. Only what its kind needs is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Union

from . import compose_config, release_config
from .compose_config import ComposeConfig, ComposeLayout
from .progress import Progress
from .release_config import Config, Layout
from .run import HostError

if TYPE_CHECKING:
    from .compose_steps import ComposeEffects
    from .release_steps import HostEffects

AnyConfig = Config | ComposeConfig
AnyEffects = Union["HostEffects", "ComposeEffects"]


def load(etc: Path, state: Path) -> tuple[Layout, AnyConfig]:
    """The product that was applied and where it lies; HostError without one."""
    path = etc / "release.json"
    if not path.exists():
        raise HostError(f"nothing to release yet: {path} comes with `slipway apply`")
    text = release_config.content(path)
    if release_config.document(text).get("kind") == compose_config.KIND:
        containers = compose_config.parse(text)
        return ComposeLayout(containers.root, state, etc), containers
    config = release_config.parse(text)
    return Layout(config.root, state, etc), config


def effects(layout: Layout, config: AnyConfig, progress: Progress, token: str, cold: bool) -> AnyEffects:
    """What a release does to a host of this kind."""
    if isinstance(config, ComposeConfig):
        from .compose_steps import ComposeEffects

        return ComposeEffects(ComposeLayout(layout.root, layout.state, layout.etc), config, progress, token, cold)
    from .release_steps import HostEffects

    return HostEffects(layout, config, progress, token, cold)
