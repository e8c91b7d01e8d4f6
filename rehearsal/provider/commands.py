"""The resources of the stand-in for pulumi-command."""

from __future__ import annotations

from rehearsal.provider.command import LocalCommand, RemoteCommand
from rehearsal.provider.copying import CopyToRemote

RESOURCES = (RemoteCommand(), LocalCommand(), CopyToRemote())
