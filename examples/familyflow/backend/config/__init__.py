"""The project's configuration. Importing Celery's app here makes `shared_task` find it in every process."""

from .celery import app as celery_app

__all__ = ["celery_app"]
