"""Django's settings. Everything that differs between environments comes from the environment."""

import ssl
from pathlib import Path
from typing import Any

from . import database, environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = environment.required("SECRET_KEY")
DEBUG = environment.flag("DEBUG")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS")

INSTALLED_APPS = ["django.contrib.staticfiles", "family"]
# No sessions and no cookies, so there is nothing that a forged cross-site request could borrow.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024

DATABASES = {"default": database.from_url(environment.required("SUPABASE_DB_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.required("REDIS_URL")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "familyflow",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2, "health_check_interval": 15},
    }
}

# --- Celery: RabbitMQ carries the tasks, Redis keeps the results ------------------------------------------------------
CELERY_BROKER_URL = environment.required("CELERY_BROKER_URL")
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A published task counts only once RabbitMQ has confirmed it: over a connection that died unnoticed it would be lost.
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
CELERY_RESULT_BACKEND = f"config.results:PolledRedis+{REDIS_URL}"
CELERY_RESULT_EXPIRES = 600
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 2
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_RETRY_ON_TIMEOUT = True
CELERY_REDIS_BACKEND_HEALTH_CHECK_INTERVAL = 15
if REDIS_URL.startswith("rediss://"):
    CELERY_REDIS_BACKEND_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
# Every task may run twice without harm, so one whose worker dies goes back to the queue.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 3,
    "interval_start": 0.1,
    "interval_step": 0.3,
    "interval_max": 1.0,
}
# The two slots' workers live side by side during a release; nobody commands them over the broker.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# Beat's own scheduler keeps its times in a file that a power cut can break. Ours has nothing worth remembering.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "family.tasks.heartbeat", "schedule": 5.0, "options": {"expires": 15}},
}

# --- Static files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

# --- Supabase and object storage --------------------------------------------------------------------------------------
SUPABASE_URL = environment.text("SUPABASE_URL")
SUPABASE_PROJECT_REF = environment.text("SUPABASE_PROJECT_REF")
SUPABASE_ANON_KEY = environment.text("SUPABASE_ANON_KEY")
SUPABASE_SERVICE_ROLE_KEY = environment.text("SUPABASE_SERVICE_ROLE_KEY")
AWS_ACCESS_KEY_ID = environment.text("AWS_ACCESS_KEY_ID")
AWS_SECRET_ACCESS_KEY = environment.text("AWS_SECRET_ACCESS_KEY")
AWS_S3_ENDPOINT_URL = environment.text("AWS_S3_ENDPOINT_URL")
AWS_S3_REGION_NAME = environment.text("AWS_S3_REGION_NAME", "us-east-1")
AWS_STORAGE_BUCKET_NAME = environment.text("AWS_STORAGE_BUCKET_NAME")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = logs.configuration(environment.text("LOG_LEVEL", "INFO"))

if environment.text("SENTRY_DSN"):
    import sentry_sdk

    from .release import describe

    sentry_sdk.init(dsn=environment.text("SENTRY_DSN"), release=describe()["commit"], send_default_pii=False)
