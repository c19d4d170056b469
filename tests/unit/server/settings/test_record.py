"""The record of settings: every value is checked, however the record is made."""

from typing import Any, get_args

import msgspec
import pytest

from jotary.oauth.secret import Secret
from jotary.server.settings import Settings, SettingsError
from jotary.server.settings.annotation import is_duration

SECRET = Secret("0123456789abcdef0123456789abcdef")
FIELDS = msgspec.structs.fields(Settings)


def settings(**values: Any) -> Settings:
    """Settings with a secret."""
    return Settings(**{"secret": SECRET, **values})


def test_the_defaults_are_those_of_development() -> None:
    """Design §6: short access tokens, two weeks idle, ninety days at most."""
    made = settings()
    assert (made.issuer, made.database) == ("http://127.0.0.1:8000", "sqlite:///jotary.db")
    assert (made.access_token_lifetime, made.id_token_lifetime, made.code_lifetime) == (300, 300, 60)
    assert (made.session_idle_lifetime, made.session_lifetime) == (14 * 86_400, 90 * 86_400)
    assert (made.refresh_retry_window, made.jwks_max_age, made.leeway) == (30, 300, 5)
    assert (made.signing_algorithm, made.password_min_length, made.sign_up) == ("ES256", 8, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", 5),
        ("issuer", "http://id.example.com"),
        ("database", "mysql://localhost/jotary"),
        ("database", "postgresql+asyncpg://localhost/jotary"),
        ("database_connections", 0),
        ("database", "sqlite:///"),
        ("database", "sqlite://jotary.db"),
        ("database", "sqlite:///:memory:"),
        ("database", "sqlite:///jotary.db?mode=ro"),
        ("scope_descriptions", ("todo:read",)),
        ("scope_descriptions", {"todo:read": 1}),
        ("secret", "0123456789abcdef0123456789abcdef"),
        ("secret", Secret("0123456789abcdef0123456789abcde")),
        ("secret_file", 1),
        ("database_file", 1),
        ("accepted_secrets", (Secret("0123456789abcdef0123456789abcde"),)),
        ("accepted_secrets", Secret("0123456789abcdef0123456789abcdef")),
        ("accepted_secret_files", "previous.secret"),
        ("service_name", ""),
        ("service_name", "x" * 61),
        ("sign_up", "yes"),
        ("access_token_lifetime", 0),
        ("access_token_lifetime", 86_401),
        ("access_token_lifetime", "5m"),
        ("access_token_lifetime", True),
        ("id_token_lifetime", 0),
        ("code_lifetime", 601),
        ("session_idle_lifetime", 0),
        ("session_lifetime", 5 * 365 * 86_400 + 1),
        ("sign_in_idle_lifetime", -1),
        ("sign_in_lifetime", 1.5),
        ("refresh_retry_window", 301),
        ("leeway", 301),
        ("signing_algorithm", "HS256"),
        ("signing_algorithm", "none"),
        ("signing_algorithm", "Ed25519"),  # its own clients would have to opt in, too
        ("signing_algorithm", "ML-DSA-65"),  # there is no at_hash for it
        ("signing_keys", "pkcs11"),
        ("pkcs11_library", None),
        ("pkcs11_token", 1),
        ("pkcs11_pin", "1234"),
        ("pkcs11_pin_file", 1),
        ("jwks_max_age", 0),
        ("password_min_length", 7),
        ("sign_in_attempts", 2),
        ("network_attempts", 9),
        ("sign_up_attempts", 0),
        ("hash_workers", -1),
        ("hash_queue", 10_001),
        ("audiences", "https://todo.example.com"),
        ("audiences", ("todo",)),
        ("audiences", ("https://todo.example.com#x",)),
        ("trusted_proxies", ("*",)),
        ("trusted_proxies", ("proxy.example.com",)),
        ("trusted_proxies", ("10.0.0.1/8",)),
        ("access_log", "yes"),
        ("metrics_listen", "9464"),
        ("metrics_listen", "127.0.0.1:0"),
        ("metrics_listen", "127.0.0.1:65536"),
        ("metrics_listen", "::1:9464"),
        ("metrics_listen", "127.0.0.1:9464/metrics"),
        ("audit_retention", -1),
        ("log_format", "xml"),
        ("log_level", "trace"),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_bounds_is_refused(name: str, value: object) -> None:
    """The refusal names the setting and says what to write."""
    with pytest.raises(SettingsError) as refused:
        settings(**{name: value})
    assert refused.value.name == name
    assert refused.value.hint


def test_every_setting_is_refused_somewhere_above() -> None:
    """A new setting needs a refusal of its own in the table."""
    (mark,) = test_a_value_of_the_wrong_type_or_out_of_bounds_is_refused.pytestmark  # type: ignore[attr-defined] # pytest puts it there
    assert {name for name, _ in mark.args[1]} == {field.name for field in FIELDS}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"session_idle_lifetime": 11, "session_lifetime": 10}, "session_idle_lifetime"),
        ({"sign_in_idle_lifetime": 11, "sign_in_lifetime": 10}, "sign_in_idle_lifetime"),
    ],
)
def test_an_idle_lifetime_may_not_exceed_the_absolute_one(values: dict[str, int], name: str) -> None:
    """It would never be reached: the operator meant something else."""
    with pytest.raises(SettingsError, match="longer than") as refused:
        settings(**values)
    assert refused.value.name == name


def test_equal_lifetimes_are_allowed() -> None:
    """The bound itself."""
    assert settings(session_idle_lifetime=10, session_lifetime=10).session_lifetime == 10


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_says_what_it_means(field: Any) -> None:
    """The documentation is made from these descriptions."""
    (meta,) = field.type.__metadata__
    assert meta.description.endswith(".")
    endings = ("_lifetime", "_window", "_age", "_retention")
    assert is_duration(field.type) == (field.name.endswith(endings) or field.name == "leeway")
    assert get_args(field.type)


def test_settings_never_show_a_secret() -> None:
    """The secret reaches no log."""
    made = settings()
    assert SECRET.reveal() not in f"{made!r}{made}{made.__rich_repr__()}"


def test_settings_cannot_be_changed() -> None:
    """What was checked stays checked."""
    with pytest.raises(AttributeError):
        settings().issuer = "http://id.example.com"  # type: ignore[misc] # that it cannot be set is what is tested
