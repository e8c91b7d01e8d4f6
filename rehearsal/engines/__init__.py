"""Images of the engines of backing services, in the shape of the official ones, made from the distribution's packages.

PostgreSQL and Valkey are real: the distribution's version, whatever number the name of the official image has.
MongoDB is a stand-in (mongodb/program): FerretDB over SQLite behind MongoDB's protocol, with users, roles, key file and
the shape of a replica set. It shows how a product, its hosts and its dumps deal with MongoDB. It can't show replication
or an election, transactions, change streams, nor how fast or how large MongoDB is.
"""

from __future__ import annotations

from pathlib import Path

from rehearsal.container_images import container_image
from rehearsal.docker import Docker
from rehearsal.engines.stand_in import mongodb_program
from rehearsal.image import Progress

_HERE = Path(__file__).parent
_DIRECTORIES = {"postgres": "postgres", "redis": "valkey", "mongodb": "mongodb/image"}
ENGINES = frozenset(_DIRECTORIES)


def engine_image(docker: Docker, base: str, engine: str, progress: Progress) -> str:
    """The tag of the image of an engine (postgres, redis, mongodb) on a base image, made now if need be."""
    directories = [_HERE / _DIRECTORIES[engine]]
    if engine == "mongodb":
        directories.append(mongodb_program(progress))
    return container_image(docker, engine, directories, {"BASE": base}, progress)
