"""Settings of Headend: everything comes from the environment, and what is wrong is said by name.

Everything that an installation keeps lies under HEADEND_DATA_DIR. docs/settings.md lists names and defaults.
"""

import sys
from datetime import timedelta
from urllib.parse import urlsplit

from channels import log_redaction
from config import broker, database, env, keys, logs, private
from config.version import VERSION

BASE_DIR = env.BASE_DIR
HEADEND_VERSION = VERSION
DATA_DIR = HEADEND_DATA_DIR = env.make_data_dir()
HEADEND_ENV = env.one_of("HEADEND_ENV", ("development", "production"), "development")
PRODUCTION = HEADEND_ENV == "production"
HEADEND_DEMO = env.flag(env.DEMO_FLAG, False)
# Tells this installation from a copy of its database; where several machines serve one, give them all the same.
HEADEND_INSTALLATION_ID = env.text("HEADEND_INSTALLATION_ID", None) or keys.read_or_make(
    DATA_DIR / "keys" / "installation_id", keys.make_installation_id, "HEADEND_INSTALLATION_ID"
)

# How far the database has come, kept outside of it: one that is older than this is a restored backup.
HIGH_WATER_FILE = DATA_DIR / "high_water.json"

# --- who may talk to it ----------------------------------------------------------------------------------
HEADEND_PUBLIC_URL = env.url("HEADEND_PUBLIC_URL", None)
HEADEND_TRUSTED_PROXIES = env.networks("HEADEND_TRUSTED_PROXIES")
DEBUG = env.flag("HEADEND_DEBUG", False)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
if PRODUCTION:
    SECRET_KEY = env.text("SECRET_KEY")
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
    HEADEND_ENCRYPTION_KEYS = keys.check_encryption_keys(env.words("HEADEND_ENCRYPTION_KEYS"))
    if not ALLOWED_HOSTS:
        raise env.fault("ALLOWED_HOSTS", "must be set: the host names under which Headend is reached.")
    if DEBUG:
        raise env.fault("HEADEND_DEBUG", "must not be on in production: it shows settings to visitors.")
    if HEADEND_DEMO:
        raise env.fault("HEADEND_ENV", "must not be production in a data folder that holds a demo.")
else:
    SECRET_KEY = env.text("SECRET_KEY", None)
    if not SECRET_KEY:
        # `manage.py rotate_keys` leaves the former ones below.
        SECRET_KEY, *_former = keys.read_or_make(
            DATA_DIR / "keys" / "secret_key", keys.make_secret_key, "SECRET_KEY"
        ).split()
        SECRET_KEY_FALLBACKS += _former
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
    HEADEND_ENCRYPTION_KEYS = env.words("HEADEND_ENCRYPTION_KEYS")
    if not HEADEND_ENCRYPTION_KEYS:
        _keys_file = DATA_DIR / "keys" / "encryption_key"
        keys.read_or_make(_keys_file, keys.make_encryption_key, "HEADEND_ENCRYPTION_KEYS")
        HEADEND_ENCRYPTION_KEYS = keys.KeyFile(_keys_file)
    keys.check_encryption_keys(HEADEND_ENCRYPTION_KEYS)
CSRF_TRUSTED_ORIGINS = []
FORCE_SCRIPT_NAME = None
if HEADEND_PUBLIC_URL:
    _public = urlsplit(HEADEND_PUBLIC_URL)
    _host = _public.hostname or ""  # `env.url` refuses an address without one
    _host = f"[{_host}]" if ":" in _host else _host
    ALLOWED_HOSTS = list(dict.fromkeys([*ALLOWED_HOSTS, _host]))
    CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
    # Of https://example.org/headend the folder is /headend; the proxy takes it off.
    FORCE_SCRIPT_NAME = _public.path.rstrip("/") or None
_folder = FORCE_SCRIPT_NAME or ""

# --- what it is made of ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "auditlog",
    "django_celery_beat",
    "django_htmx",
    "ninja",
    "axes",
    "channels",
    "orchestration",
    "dashboard",
    "config",
]
MIDDLEWARE = [
    "config.middleware.TrustedProxies",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "config.middleware.Polls",
    "config.middleware.Compress",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.sessions.EndsSessions",
    "config.middleware.LoginRequired",
    "config.middleware.Limits",
    "config.middleware.Audit",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.middleware.WrongMethodPage",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["dashboard.templatetags.headend_urls"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.who_may.permissions",
            ],
        },
    },
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# SQLite ignores what PostgreSQL keeps beside an index's keys; nobody has to be told that at every command.
SILENCED_SYSTEM_CHECKS = ["models.W040"]
_direct_url = env.text("HEADEND_DATABASE_DIRECT_URL", None)
DATABASES = {
    "default": database.settings_for(
        env.text("DATABASE_URL", None), DATA_DIR, is_pooled=_direct_url is not None
    )
}
# Where PostgreSQL's own programs find the database; they set up their session, which a pooler hands on to others.
HEADEND_DATABASE_DIRECT = (
    database.postgresql("HEADEND_DATABASE_DIRECT_URL", _direct_url) if _direct_url is not None else {}
)

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- logging in ------------------------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard:overview"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = [
    "orchestration.register.login_throttle.ThrottleBackend",
    "axes.backends.AxesStandaloneBackend",
    "orchestration.register.roles.RoleBackend",
    "orchestration.register.second_step.SecondStepBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds for which a link to set a password opens
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "config.middleware.client_address"
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "credential", "secret_code", "secret_passkey"]
HEADEND_LOGIN_FAILURES_PER_ADDRESS = env.integer("HEADEND_LOGIN_FAILURES_PER_ADDRESS", 20, minimum=1)
HEADEND_LOGIN_FAILURES_PER_NAME = env.integer("HEADEND_LOGIN_FAILURES_PER_NAME", 100, minimum=8)
HEADEND_REQUIRE_SECOND_FACTOR = env.one_of(
    "HEADEND_REQUIRE_SECOND_FACTOR", ("nobody", "administrators", "everybody"), "nobody"
)
# Log in at an OpenID Connect provider; without an issuer nothing of it is offered.
HEADEND_OIDC_ISSUER = env.url("HEADEND_OIDC_ISSUER", None)
HEADEND_OIDC_CLIENT_ID = env.text("HEADEND_OIDC_CLIENT_ID", "")
HEADEND_OIDC_CLIENT_SECRET = env.text("HEADEND_OIDC_CLIENT_SECRET", "")
HEADEND_OIDC_NAME = env.text("HEADEND_OIDC_NAME", "single sign-on")
HEADEND_OIDC_SCOPES = env.text("HEADEND_OIDC_SCOPES", "openid profile email")
HEADEND_OIDC_GROUPS_CLAIM = env.text("HEADEND_OIDC_GROUPS_CLAIM", "groups")
HEADEND_OIDC_LEVELS = env.pairs("HEADEND_OIDC_LEVELS", ("read", "schedule", "operate", "admin"))
HEADEND_OIDC_TRUST_NAMES = env.flag("HEADEND_OIDC_TRUST_NAMES", False)
HEADEND_API_PER_MINUTE = env.integer("HEADEND_API_PER_MINUTE", 1200, minimum=0, maximum=1_000_000)
HEADEND_API_FAILURES_PER_MINUTE = env.integer("HEADEND_API_FAILURES_PER_MINUTE", 30, minimum=1)
# What `manage.py mcp` opens itself with, and for how long what an assistant proposes may be confirmed and made.
HEADEND_MCP_TOKEN = env.text("HEADEND_MCP_TOKEN", "")
HEADEND_PROPOSAL_MINUTES = env.integer("HEADEND_PROPOSAL_MINUTES", 60, minimum=5, maximum=1440)

# --- sessions -------------------------------------------------------------------------------------------
HEADEND_SESSION_IDLE_MINUTES = env.integer("HEADEND_SESSION_IDLE_MINUTES", 720, minimum=5, maximum=20_160)
HEADEND_SESSION_DAYS = env.integer("HEADEND_SESSION_DAYS", 14, minimum=1, maximum=365)
SESSION_COOKIE_AGE = HEADEND_SESSION_DAYS * 86_400

# --- in the browser --------------------------------------------------------------------------------------
# Two installations on one machine differ by port only, and cookies do not: so their names do.
SESSION_COOKIE_NAME = "headend_session" if PRODUCTION else f"headend_session_{HEADEND_INSTALLATION_ID[:8]}"
CSRF_COOKIE_NAME = "headend_csrf" if PRODUCTION else f"headend_csrf_{HEADEND_INSTALLATION_ID[:8]}"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_folder}/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes of a load balancer come over plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HEADEND_TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A wave may go to a thousand channels and a recall confirm ten thousand videos, each of them a field of a form.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 15_000

STATIC_URL = f"{_folder}/static/"
STATIC_ROOT = private.folder(DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
# Outside production files are served from where they lie, so that `up` needs no collectstatic.
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- audit -----------------------------------------------------------------------------------------------
AUDITLOG_LOGENTRY_MODEL = "orchestration.Activity"
AUDITLOG_DISABLE_ON_RAW_SAVE = True
# Where the chain over the log had come, kept outside the database: see orchestration/core/anchors.py.
AUDIT_ANCHORS_FILE = DATA_DIR / "audit_anchors.jsonl"
AUDIT_EXPORTS = DATA_DIR / "audit_exports"
HEADEND_AUDIT_ANCHOR_MINUTES = env.integer("HEADEND_AUDIT_ANCHOR_MINUTES", 60, minimum=1, maximum=1440)
HEADEND_AUDIT_ANCHOR_URL = env.url("HEADEND_AUDIT_ANCHOR_URL", "")
HEADEND_KEEP_AUDIT_DAYS = env.integer("HEADEND_KEEP_AUDIT_DAYS", 0, minimum=0, maximum=36_500)
if 0 < HEADEND_KEEP_AUDIT_DAYS < 31:
    raise env.fault("HEADEND_KEEP_AUDIT_DAYS", "must be 0 (keep everything), or at least 31.")

# --- work in the background ------------------------------------------------------------------------------
HEADEND_TICK_SECONDS = env.integer("HEADEND_TICK_SECONDS", 2, minimum=1, maximum=15)
HEADEND_FAILOVER_MINUTES = env.integer("HEADEND_FAILOVER_MINUTES", 30, minimum=1, maximum=1440)
HEADEND_RUN_QUEUE_MINUTES = env.integer("HEADEND_RUN_QUEUE_MINUTES", 15, minimum=1, maximum=1440)
HEADEND_WATCH_SECONDS = env.integer("HEADEND_WATCH_SECONDS", 1 if HEADEND_DEMO else 5, minimum=1, maximum=300)
HEADEND_STATISTICS_SECONDS = env.integer("HEADEND_STATISTICS_SECONDS", 3600, minimum=5, maximum=86_400)
HEADEND_WORK_CONCURRENCY = env.integer("HEADEND_WORK_CONCURRENCY", 3, minimum=1, maximum=64)

CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = broker.settings_for(
    env.url("CELERY_BROKER_URL", None, schemes=broker.SCHEMES), DATA_DIR
)
CELERY_BROKER_CONNECTION_TIMEOUT = 3
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_TASK_PUBLISH_RETRY = False  # a lost message costs one tick; a blocked request costs the operator
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody asks workers anything by way of the broker. On RabbitMQ each would hold a queue of its name for that alone, and die
# of it where a second one has the same name, or where its own lost connection is not known to be lost yet.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# After a lost connection it would be restored from the thread that ended a task, beside the main one: with RabbitMQ both
# then wait for the answer of the same socket, and the worker hangs for ever.
CELERY_WORKER_ENABLE_PREFETCH_COUNT_REDUCTION = False
CELERY_DB_REUSE_MAX = sys.maxsize  # `config.celery` closes what is old or broken
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
# A tick must never wait behind ffmpeg: what keeps time has a queue, and a worker, of its own.
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_ROUTES = {
    "orchestration.tasks.tick": {"queue": "control"},
    "orchestration.tasks.watch_runs": {"queue": "control"},
    "orchestration.tasks.probe_blockers": {"queue": "control"},
    "orchestration.tasks.work_fast": {"queue": "control"},
    "orchestration.tasks.notify": {"queue": "control"},
    "orchestration.tasks.heartbeat": {"queue": "control"},
    "orchestration.tasks.seal_record": {"queue": "control"},
    "orchestration.tasks.send_webhooks": {"queue": "control"},
}
# Its entries, with their bounds, stand in orchestration/engine/cadences.py; how often each comes, an operator may change.
CELERY_BEAT_SCHEDULER = "config.beat:CadenceScheduler"

# --- the outside world -----------------------------------------------------------------------------------
GITHUB_API_URL = env.url("GITHUB_API_URL", "https://api.github.com")
GITHUB_TOKEN = env.text("GITHUB_TOKEN", "")
GITHUB_APP_ID = env.text("GITHUB_APP_ID", "")
GITHUB_APP_INSTALLATION_ID = env.integer("GITHUB_APP_INSTALLATION_ID", None, minimum=1)
GITHUB_APP_PRIVATE_KEY = keys.read_private_key(
    env.text("GITHUB_APP_PRIVATE_KEY", ""),
    env.text("GITHUB_APP_PRIVATE_KEY_FILE", ""),
    "GITHUB_APP_PRIVATE_KEY",
)
GITHUB_OIDC = env.flag("GITHUB_OIDC", True)
GITHUB_OIDC_ISSUER = env.url("GITHUB_OIDC_ISSUER", "https://token.actions.githubusercontent.com")
GITHUB_WEBHOOK_SECRET = env.text("GITHUB_WEBHOOK_SECRET", "")
GITHUB_WEBHOOK_SECRET_FALLBACKS = env.words("GITHUB_WEBHOOK_SECRET_FALLBACKS")
HEADEND_METRICS_TOKEN = env.text("HEADEND_METRICS_TOKEN", "")
YOUTUBE_API_URL = env.url("YOUTUBE_API_URL", "https://youtube.googleapis.com")
GOOGLE_TOKEN_URL = env.url("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
GOOGLE_AUTH_URL = env.url("GOOGLE_AUTH_URL", "https://accounts.google.com/o/oauth2/v2/auth")
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.text("GOOGLE_CLIENT_SECRET", "")

# Where a drill breaks off (orchestration/core/failpoints.py); taken only where every address above is this machine's.
HEADEND_FAILPOINTS = env.text("HEADEND_FAILPOINTS", "")

HEADEND_SOURCE_NETWORKS = env.networks("HEADEND_SOURCE_NETWORKS")
HEADEND_INBOX = DATA_DIR / "inbox"
HEADEND_INBOX_FOLDERS = env.folders("HEADEND_INBOX_FOLDERS")
HEADEND_INBOX_SECONDS = env.integer("HEADEND_INBOX_SECONDS", 10, minimum=0, maximum=3600)
HEADEND_MAX_SOURCE_BYTES = env.integer("HEADEND_MAX_SOURCE_BYTES", 5 * 1024**3, minimum=1)
HEADEND_MAX_UPLOAD_BYTES = env.integer("HEADEND_MAX_UPLOAD_BYTES", 256 * 1024**3, minimum=1)
HEADEND_UPLOAD_DAYS = env.integer("HEADEND_UPLOAD_DAYS", 7, minimum=1, maximum=365)
HEADEND_CALLS_DAYS = env.integer("HEADEND_CALLS_DAYS", 14, minimum=1, maximum=365)
HEADEND_DISK_FLOOR_BYTES = env.integer("HEADEND_DISK_FLOOR_BYTES", 2 * 1024**3, minimum=0)
HEADEND_KEEP_ORIGINALS = env.text("HEADEND_KEEP_ORIGINALS", "forever")
HEADEND_KEEP_PREPARED = env.text("HEADEND_KEEP_PREPARED", "forever")
for _name, _rule in (
    ("HEADEND_KEEP_ORIGINALS", HEADEND_KEEP_ORIGINALS),
    ("HEADEND_KEEP_PREPARED", HEADEND_KEEP_PREPARED),
):
    if not (_rule in ("forever", "published") or (_rule.isdigit() and 1 <= int(_rule) <= 3650)):
        raise env.fault(_name, "must be forever, published, or a number of days from 1 to 3650.")
HEADEND_FFMPEG = env.text("HEADEND_FFMPEG", "")
HEADEND_PROFILE = env.one_of("HEADEND_PROFILE", ("1080p-sdr", "as-is"), "1080p-sdr")
HEADEND_HEARTBEAT_SECONDS = env.integer("HEADEND_HEARTBEAT_SECONDS", 5, minimum=0, maximum=20)
HEADEND_APPROVE_OWN_EDITS = env.flag("HEADEND_APPROVE_OWN_EDITS", True)
HEADEND_ARM_SECONDS = env.integer("HEADEND_ARM_SECONDS", 900, minimum=0, maximum=86_400)
HEADEND_RELEASES_PER_MINUTE = env.integer("HEADEND_RELEASES_PER_MINUTE", 30, minimum=1)
HEADEND_CHANNELS_PER_VIDEO = env.integer("HEADEND_CHANNELS_PER_VIDEO", 3, minimum=0)
HEADEND_CONTENT_COOLDOWN_HOURS = env.integer("HEADEND_CONTENT_COOLDOWN_HOURS", 24, minimum=0)

# --- telling people --------------------------------------------------------------------------------------
HEADEND_HEARTBEAT_URL = env.url("HEADEND_HEARTBEAT_URL", "")
HEADEND_NOTIFY_SETTLE_SECONDS = env.integer("HEADEND_NOTIFY_SETTLE_SECONDS", 60, minimum=0, maximum=3600)
HEADEND_NOTIFY_PER_MINUTE = env.integer("HEADEND_NOTIFY_PER_MINUTE", 6, minimum=1, maximum=60)
HEADEND_NOTIFY_PRIVATE_HOSTS = env.flag("HEADEND_NOTIFY_PRIVATE_HOSTS", True)
HEADEND_WEBHOOK_PRIVATE_HOSTS = env.flag("HEADEND_WEBHOOK_PRIVATE_HOSTS", False)
HEADEND_KEEP_WEBHOOK_DAYS = env.integer("HEADEND_KEEP_WEBHOOK_DAYS", 30, minimum=1, maximum=3650)
HEADEND_EVENT_STREAMS = env.integer("HEADEND_EVENT_STREAMS", 8, minimum=0, maximum=24)

# --- logs ------------------------------------------------------------------------------------------------
HEADEND_JSON_LOGS = env.flag("HEADEND_JSON_LOGS", False)
log_redaction.protect(
    SECRET_KEY,
    *HEADEND_ENCRYPTION_KEYS,
    GITHUB_TOKEN,
    GITHUB_APP_PRIVATE_KEY,
    GITHUB_WEBHOOK_SECRET,
    HEADEND_OIDC_CLIENT_SECRET,
    *SECRET_KEY_FALLBACKS,
    *GITHUB_WEBHOOK_SECRET_FALLBACKS,
    GOOGLE_CLIENT_SECRET,
    HEADEND_METRICS_TOKEN,
    HEADEND_MCP_TOKEN,
    HEADEND_HEARTBEAT_URL,
    HEADEND_AUDIT_ANCHOR_URL,
)
LOGGING = logs.settings_for(
    DATA_DIR if env.flag("HEADEND_LOG_FILE", True) else None, json_lines=HEADEND_JSON_LOGS, debug=DEBUG
)

# --- what was read, for the page *Settings* ----------------------------------------------------------------
SETTINGS_READ = env.readings()
