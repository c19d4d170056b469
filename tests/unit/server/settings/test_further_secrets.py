"""The secrets beside the server's own: those that are accepted while it is replaced, and the PIN of an HSM."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jotary.server.settings import Loaded, SettingsError

Load = Callable[..., Loaded]
ONE, TWO = "0123456789-abcdefghij-ABCDEFGHIJ", "ABCDEFGHIJ-abcdefghij-0123456789"


def test_accepted_secrets_come_from_the_environment_and_from_files(read: Load, tmp_path: Path) -> None:
    """A path in the file is relative to it."""
    assert read().settings.accepted_secrets == ()
    (tmp_path / "previous.secret").write_text(f"{TWO}\n")
    settings = read('accepted_secret_files = ["previous.secret"]', JOTARY_ACCEPTED_SECRETS=f"{ONE}, ").settings
    assert [secret.reveal() for secret in settings.accepted_secrets] == [ONE, TWO]
    assert settings.accepted_secret_files == (str(tmp_path / "previous.secret"),)


def test_files_named_in_the_environment_are_separated_by_commas(read: Load, tmp_path: Path) -> None:
    """As every list there."""
    for name, secret in (("one", ONE), ("two", TWO)):
        (tmp_path / name).write_text(secret)
    settings = read(JOTARY_ACCEPTED_SECRET_FILES="one,two").settings
    assert [secret.reveal() for secret in settings.accepted_secrets] == [ONE, TWO]


def test_the_pin_comes_from_the_environment_or_from_a_file(read: Load, tmp_path: Path) -> None:
    """PKCS#11 leaves its length to the token."""
    (tmp_path / "pin").write_text("1234\n")
    for settings in (
        read('pkcs11_pin_file = "pin"').settings,
        read('pkcs11_pin_file = ""', JOTARY_PKCS11_PIN="1234").settings,
    ):
        assert settings.pkcs11_pin is not None
        assert settings.pkcs11_pin.reveal() == "1234"
    assert read().settings.pkcs11_pin is None


@pytest.mark.parametrize("name", ["secret", "accepted_secrets", "pkcs11_pin"])
def test_no_secret_belongs_in_the_configuration_file(read: Load, name: str) -> None:
    """The refusal names the setting for a file of its own, and the variable."""
    with pytest.raises(SettingsError, match="does not belong in a configuration file") as refused:
        read(f'{name} = "{ONE}"')
    assert f"JOTARY_{name.upper()}" in refused.value.hint
    assert "_file" in refused.value.hint
    assert ONE not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("toml", "environ", "name"),
    [
        (None, {"JOTARY_ACCEPTED_SECRETS": f"{ONE},short"}, "accepted_secrets"),
        (None, {"JOTARY_ACCEPTED_SECRETS": "a" * 40}, "accepted_secrets"),
        ('accepted_secret_files = ["missing"]', {}, "accepted_secret_files"),
        ('accepted_secret_files = ["binary"]', {}, "accepted_secret_files"),
        ('pkcs11_pin_file = "missing"', {}, "pkcs11_pin_file"),
        ('pkcs11_pin_file = "empty"', {}, "pkcs11_pin"),
    ],
)
def test_what_is_no_secret_is_refused(
    read: Load, tmp_path: Path, toml: str | None, environ: dict[str, str], name: str
) -> None:
    """With where it stands and what to put there."""
    (tmp_path / "binary").write_bytes(b"\xff" * 40)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError) as refused:
        read(toml, **environ)
    assert refused.value.name == name
    assert refused.value.origin
    assert refused.value.hint
