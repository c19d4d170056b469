"""Where settings are read from, and which source wins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jotary.server.settings import Loaded, SettingsError, load, load_draft

Load = Callable[..., Loaded]
SECRET = "0123456789-abcdefghij-ABCDEFGHIJ"


def test_nothing_at_all_gives_the_defaults(read: Load, tmp_path: Path) -> None:
    """A first `jotary serve` in an empty folder works."""
    loaded = read()
    assert loaded.config_file is None
    assert loaded.settings.issuer == "http://127.0.0.1:8000"
    assert loaded.settings.database == f"sqlite:///{tmp_path / 'jotary.db'}"


def test_the_file_in_the_folder_is_read(read: Load, tmp_path: Path) -> None:
    """Durations as text or seconds, lists as lists."""
    loaded = read(
        'access_token_lifetime = "10m"\ncode_lifetime = 30\naudiences = ["https://todo.example.com"]\nsign_up = false'
    )
    assert loaded.config_file == tmp_path / "jotary.toml"
    assert loaded.settings.access_token_lifetime == 600
    assert loaded.settings.code_lifetime == 30
    assert loaded.settings.audiences == ("https://todo.example.com",)
    assert loaded.settings.sign_up is False


def test_the_environment_wins_over_the_file(read: Load) -> None:
    """docs/settings.md: the file first, then the environment."""
    loaded = read(
        'service_name = "file"\ncode_lifetime = "30s"\nhash_queue = 1',
        JOTARY_SERVICE_NAME="environment",
        JOTARY_CODE_LIFETIME="1m",
        JOTARY_HASH_QUEUE="7",
        JOTARY_SIGN_UP="false",
        JOTARY_AUDIENCES="https://a.example, https://b.example,",
        JOTARY_LOG_FORMAT="json",
        JOTARY_SCOPE_DESCRIPTIONS='{"todo:read": "See your to-do lists"}',
    ).settings
    assert loaded.scope_descriptions == {"todo:read": "See your to-do lists"}
    assert (loaded.service_name, loaded.code_lifetime, loaded.hash_queue) == ("environment", 60, 7)
    assert (loaded.sign_up, loaded.log_format) == (False, "json")
    assert loaded.audiences == ("https://a.example", "https://b.example")


def test_the_database_may_be_named_in_a_file_of_its_own(read: Load, tmp_path: Path) -> None:
    """A URL with a password in it belongs neither into a configuration file nor into an environment."""
    (tmp_path / "url").write_text("sqlite:///elsewhere.db\n")
    expected = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    assert read('database_file = "url"').settings.database == expected
    assert read(JOTARY_DATABASE_FILE="url").settings.database == expected


@pytest.mark.parametrize(
    ("content", "more", "problem"),
    [
        (b"sqlite:///x.db", {"JOTARY_DATABASE": "sqlite:///y.db"}, "contradicts database"),
        (None, {}, "cannot be read"),
        (b"\xff", {}, "it is not text"),
        (b"mysql://secret@host", {}, "JOTARY_DATABASE_FILE"),
    ],
    ids=["named twice", "missing", "binary", "unknown"],
)
def test_a_file_that_names_no_database_is_refused(
    read: Load, tmp_path: Path, content: bytes | None, more: dict[str, str], problem: str
) -> None:
    """With where to look, and without what it holds."""
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read(JOTARY_DATABASE_FILE="url", **more)
    assert problem in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_an_empty_variable_counts_as_absent(read: Load) -> None:
    """Compose files write JOTARY_ISSUER=${ISSUER:-}."""
    assert read('service_name = "file"', JOTARY_SERVICE_NAME="").settings.service_name == "file"


def test_an_empty_text_in_the_file_is_a_setting_without_a_value(read: Load) -> None:
    """`jotary init` writes them so, as comments: TOML has no word for nothing."""
    assert read('database_file = ""').settings.database_file is None
    with pytest.raises(SettingsError):
        read('issuer = ""')


def test_a_named_file_is_read_instead_of_the_one_in_the_folder(read: Load, tmp_path: Path) -> None:
    """`--config` wins over JOTARY_CONFIG, which wins over jotary.toml."""
    (tmp_path / "jotary.toml").write_text('service_name = "folder"')
    (tmp_path / "other.toml").write_text('service_name = "variable"')
    (tmp_path / "named.toml").write_text('service_name = "named"')
    environ = {"JOTARY_CONFIG": "other.toml"}
    assert read(**environ).settings.service_name == "variable"
    assert load(Path("named.toml"), environ=environ, folder=tmp_path).settings.service_name == "named"


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    """`jotary user create` must find the database of `jotary serve`, wherever each is started."""
    (tmp_path / "etc").mkdir()
    config = tmp_path / "etc" / "jotary.toml"
    config.write_text('secret_file = "key"')
    (tmp_path / "etc" / "key").write_text(SECRET)
    settings = load(config, environ={}, folder=tmp_path).settings
    assert settings.database == f"sqlite:///{tmp_path / 'etc' / 'jotary.db'}"
    assert settings.secret_file == str(tmp_path / "etc" / "key")
    assert settings.secret.reveal() == SECRET


def test_paths_in_the_environment_are_relative_to_the_working_directory(read: Load, tmp_path: Path) -> None:
    """As for every other program."""
    (tmp_path / "key").write_text(SECRET)
    loaded = read(JOTARY_DATABASE="sqlite:///data.db", JOTARY_SECRET_FILE="key")
    assert loaded.settings.database == f"sqlite:///{tmp_path / 'data.db'}"
    assert loaded.secret.origin == str(tmp_path / "key")


@pytest.mark.parametrize(
    ("toml", "says", "hint"),
    [
        ('issur = "x"', "jotary.toml: issur: is not a setting", "Did you mean issuer?"),
        ("zzz = 1", "jotary.toml: zzz: is not a setting", "The settings are: issuer,"),
        (f'secret = "{SECRET}"', "jotary.toml: secret: does not belong", "JOTARY_SECRET"),
        ("issuer = ", "jotary.toml: is not TOML", "Mend"),
        (f"audiences = {'[' * 3000}", "jotary.toml: is not TOML", "Mend"),
        ('issuer = "http://id.example.com"', "jotary.toml: issuer: uses http", "Use https"),
        (
            'access_token_lifetime = "5 minutes"',
            "jotary.toml: access_token_lifetime: is no duration",
            'from "1s" to "1d"',
        ),
        ("sign_up = 1", "jotary.toml: sign_up: expected `bool`", "Write true or false."),
        ("hash_queue = '5'", "jotary.toml: hash_queue: expected `int`", "from 0 to 10000"),
        ("log_level = 'all'", "jotary.toml: log_level: invalid enum value", '"debug", "info"'),
        ("audiences = 'https://a.example'", "jotary.toml: audiences: expected `array`", "Write a list of texts."),
        (
            'session_lifetime = "1d"',
            "default: session_idle_lifetime: is 14d, longer than session_lifetime (1d)",
            "Lower",
        ),
        ("scope_descriptions = ['a']", "jotary.toml: scope_descriptions: expected `object`", "Write a table of texts."),
        ("[issuer]\na = 1", "jotary.toml: issuer: expected `str`", "Write a text."),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_change(read: Load, toml: str, says: str, hint: str) -> None:
    """The three parts of a refusal: where it stands, what is wrong, what to write."""
    with pytest.raises(SettingsError) as refused:
        read(toml)
    assert says in str(refused.value)
    assert hint in refused.value.hint
    assert SECRET not in f"{refused.value!r}{refused.value.hint}"


@pytest.mark.parametrize(
    ("environ", "says", "hint"),
    [
        ({"JOTARY_ISSUR": "x"}, "JOTARY_ISSUR: is not a setting", "Did you mean JOTARY_ISSUER?"),
        ({"JOTARY_SIGN_UP": "maybe"}, "JOTARY_SIGN_UP: expected `bool`", "Write true or false."),
        ({"JOTARY_HASH_WORKERS": "two"}, "JOTARY_HASH_WORKERS: expected `int`", "Write a whole number from 0 to 256."),
        (
            {"JOTARY_SCOPE_DESCRIPTIONS": "todo"},
            "JOTARY_SCOPE_DESCRIPTIONS: expected `object`",
            "Write a table of texts.",
        ),
        ({"JOTARY_SCOPE_DESCRIPTIONS": "{"}, "JOTARY_SCOPE_DESCRIPTIONS: expected `object`", "Write a table of texts."),
        ({"JOTARY_LEEWAY": "1y"}, "JOTARY_LEEWAY: is no duration", 'from "0s" to "5m"'),
        ({"JOTARY_AUDIENCES": "https://a.example, todo"}, "JOTARY_AUDIENCES: ", "https://todo.example.com"),
        ({"JOTARY_CONFIG": "missing.toml"}, "missing.toml: cannot be read", "jotary init"),
        ({"JOTARY_SECRET": "too short"}, "JOTARY_SECRET: has fewer than 32 bytes", "secrets.token_urlsafe"),
        (
            {"JOTARY_SECRET": "changeme" * 8},
            "JOTARY_SECRET: has fewer than 32 bytes or is easily guessed",
            "token_urlsafe",
        ),
        ({"JOTARY_SECRET_FILE": "missing"}, "missing: secret_file: cannot be read", "jotary init"),
    ],
)
def test_a_wrong_variable_is_refused_with_what_to_change(
    read: Load, environ: dict[str, str], says: str, hint: str
) -> None:
    """The variable is named as it stands in the environment."""
    with pytest.raises(SettingsError) as refused:
        read(**environ)
    assert says in str(refused.value)
    assert hint in refused.value.hint


def test_variables_of_others_are_left_alone(read: Load) -> None:
    """Kubernetes sets these where a service is called jotary."""
    read(JOTARY_SERVICE_HOST="10.0.0.1", JOTARY_PORT="tcp://10.0.0.1:8000", JOTARY_PORT_8000_TCP_ADDR="10.0.0.1")


def test_a_file_may_begin_with_a_mark(read: Load) -> None:
    """Windows' own editor puts it there, and nobody sees it."""
    assert read('\ufeffservice_name = "Todo"').settings.service_name == "Todo"


def test_a_draft_needs_no_secret_and_makes_none(tmp_path: Path) -> None:
    """For what is decided before anything is made; all else is as it will be."""
    (tmp_path / "jotary.toml").write_text('issuer = "https://id.example.com"\nservice_name = "Todo"')
    assert load_draft(environ={}, folder=tmp_path).service_name == "Todo"
    with pytest.raises(SettingsError, match="is missing"):
        load(environ={}, folder=tmp_path)
    with pytest.raises(SettingsError, match="uses http"):
        load_draft(environ={"JOTARY_ISSUER": "http://id.example.com"}, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["jotary.toml"]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    (tmp_path / "jotary.toml").write_bytes(b"issuer = '\xff'")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(environ={}, folder=tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Never the defaults instead of what the operator wrote."""
    (tmp_path / "jotary.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read") as refused:
        load(environ={}, folder=tmp_path)
    assert refused.value.hint == "Name a file that this user may read."  # `jotary init` would say that it is there
