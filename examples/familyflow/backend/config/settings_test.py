"""Settings of the tests: SQLite in memory, tasks run where they are queued, no server needed."""

import os

os.environ.update(
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS="testserver",
    SUPABASE_DB_URL="sqlite://:memory:",
    REDIS_URL="redis://127.0.0.1:1/0",
    CELERY_BROKER_URL="memory://",
    LOG_LEVEL="CRITICAL",
)

from .settings import *  # noqa: E402, F403
from .settings import MIDDLEWARE as _MIDDLEWARE  # noqa: E402

# WhiteNoise warns of the static files that only a deployment collects.
MIDDLEWARE = [name for name in _MIDDLEWARE if not name.startswith("whitenoise")]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
CELERY_RESULT_BACKEND = "cache+memory://"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_STORE_EAGER_RESULT = True
