"""The settings that Django needs before it does anything; the integrations need none of their own."""

SECRET_KEY = "not a secret"  # it signs nothing here
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF: list[object] = []  # each test brings its own
USE_I18N = False  # it would look for translations in applications, of which there are none
USE_TZ = True
INSTALLED_APPS: list[str] = []
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}  # the framework's own needs django.contrib.auth
