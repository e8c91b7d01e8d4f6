"""Celery's app: `celery -A config worker`, `celery -A config beat`."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("familyflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """A receiver here stops Celery from laying its own logging over Django's; the level is LOG_LEVEL's."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
