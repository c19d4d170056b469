"""Every setting, with its type, default, bounds and meaning. The documentation is made from this record."""

from typing import Annotated, Any, Final, Literal

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.settings.checks import check_audiences, check_order, check_proxies, check_secret, check_type
from jotary.server.settings.database import check_database
from jotary.server.settings.issuer import check_issuer
from jotary.server.settings.listen import check_listen

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

DEFAULT_DATABASE: Final = "sqlite:///jotary.db"

#: Settings that never stand in the configuration file.
SECRETS: Final = frozenset({"secret", "accepted_secrets", "pkcs11_pin"})

SigningAlgorithm = Literal["ES256", "RS256", "EdDSA"]


def _text(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


def _number(low: int, high: int, description: str) -> msgspec.Meta:
    return msgspec.Meta(ge=low, le=high, description=description)


def _duration(low: int, high: int, description: str) -> msgspec.Meta:
    return msgspec.Meta(ge=low, le=high, description=description, extra={"duration": True})


class Settings(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What an operator has decided. Checked however it is made; durations in seconds.

    Raises:
        SettingsError: a value is of the wrong type, out of its bounds, or contradicts another.
    """

    issuer: Annotated[
        str,
        _text(
            "The URL that clients and APIs know this server by, with the path below which it is mounted, if any. "
            "https, but for a loopback address in development. Kept byte for byte: it is the `iss` of every token."
        ),
    ] = "http://127.0.0.1:8000"
    database: Annotated[
        str,
        _text(
            "Where everything is kept: `sqlite:///` and the path of a file, which several processes on one machine may "
            "share, or `postgresql://user:password@host/database`."
        ),
    ] = DEFAULT_DATABASE
    database_file: Annotated[
        str | None,
        _text("A file that holds the URL of the database, for one with a password in it. Instead of `database`."),
    ] = None
    database_connections: Annotated[
        int, _number(1, 1000, "Connections to PostgreSQL that each process may have at once. SQLite needs none.")
    ] = 10
    secret: Annotated[
        Secret,
        _text(
            "At least 32 bytes that seal the signing keys and authenticate refresh tokens and forms. Read from the "
            "environment or from `secret_file`, never from the configuration file. Changing it alone signs everybody "
            "out; the page about keys says how it is replaced without that."
        ),
    ]
    secret_file: Annotated[
        str | None,
        _text("A file that holds the secret, as `jotary init` makes one. Keep it readable by the server only."),
    ] = None
    accepted_secrets: Annotated[
        tuple[Secret, ...],
        _text(
            "Secrets that are accepted beside `secret`, separated by commas: the next one before it is replaced, the "
            "previous one afterwards. Nothing new is made under them. Read from the environment or from "
            "`accepted_secret_files`."
        ),
    ] = ()
    accepted_secret_files: Annotated[
        tuple[str, ...], _text("Files that hold secrets that are accepted beside `secret`, one in each.")
    ] = ()
    service_name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=60, description="What people see this service called.")
    ] = "jotary"
    sign_up: Annotated[
        bool, _text("Whether anybody may create an account. If not, accounts come from `jotary user create`.")
    ] = True

    access_token_lifetime: Annotated[
        int, _duration(1, DAY, "How long an API accepts an access token without asking anybody.")
    ] = 5 * MINUTE
    id_token_lifetime: Annotated[int, _duration(1, DAY, "How long a client may take an ID token for fresh.")] = (
        5 * MINUTE
    )
    code_lifetime: Annotated[int, _duration(1, 10 * MINUTE, "How long an authorization code can be redeemed.")] = MINUTE
    session_idle_lifetime: Annotated[
        int, _duration(1, 365 * DAY, "A client's session ends when it has not been refreshed for this long.")
    ] = 14 * DAY
    session_lifetime: Annotated[
        int, _duration(1, 5 * 365 * DAY, "A client's session ends this long after it began, however busy it is.")
    ] = 90 * DAY
    sign_in_idle_lifetime: Annotated[
        int, _duration(1, 90 * DAY, "A browser must sign in again when it has not been seen here for this long.")
    ] = DAY
    sign_in_lifetime: Annotated[
        int, _duration(1, 365 * DAY, "A browser must sign in again this long after it did, however busy it is.")
    ] = 14 * DAY
    refresh_retry_window: Annotated[
        int,
        _duration(
            0,
            5 * MINUTE,
            "How long the refresh token before the current one still gets the same answer, so that a lost answer or a "
            "second tab signs nobody out. 0 takes every repetition for theft.",
        ),
    ] = 30
    leeway: Annotated[
        int, _duration(0, 5 * MINUTE, "How far the clocks of clients that sign assertions may be wrong.")
    ] = 5

    signing_algorithm: Annotated[
        SigningAlgorithm,
        _text("How tokens are signed. ES256 is fast and read everywhere; RS256 is for clients that know nothing else."),
    ] = "ES256"
    signing_keys: Annotated[
        Literal["sealed", "external"],
        _text(
            "Where signing keys come from. `sealed`: the server makes them, seals them into the database and rotates "
            "them by itself. `external`: an HSM or KMS holds them, `jotary key add` announces each, and the server "
            "never makes one."
        ),
    ] = "sealed"
    pkcs11_library: Annotated[
        str, _text("The PKCS#11 library of the HSM, such as `/usr/lib/softhsm/libsofthsm2.so`.")
    ] = ""
    pkcs11_token: Annotated[str, _text("The label of the HSM's token that holds the keys.")] = ""
    pkcs11_pin: Annotated[
        Secret | None,
        _text("The user PIN of that token. Read from the environment or from `pkcs11_pin_file`."),
    ] = None
    pkcs11_pin_file: Annotated[str, _text("A file that holds the PIN.")] = ""
    jwks_max_age: Annotated[
        int,
        _duration(
            1,
            DAY,
            "How long others may keep the public keys. A new signing key is announced this long before it signs.",
        ),
    ] = 5 * MINUTE

    password_min_length: Annotated[
        int,
        _number(
            8, 128, "Characters that a new password must have. Easily guessed ones are refused whatever their length."
        ),
    ] = 8
    sign_in_attempts: Annotated[
        int,
        _number(
            3,
            1_000,
            "Wrong passwords for one account, from one network or from one browser that has signed in there before, "
            "until one more a minute is let through. From all networks together ten times as many.",
        ),
    ] = 10
    network_attempts: Annotated[
        int,
        _number(
            10,
            1_000_000,
            "Failed sign-ins, and apart from them failed client authentications, from one network (an IPv4 address or "
            "the /64 of an IPv6 address), until one more every ten seconds is let through. Raise it if many people "
            "share an address.",
        ),
    ] = 300
    sign_up_attempts: Annotated[
        int,
        _number(1, 1_000_000, "Accounts from one network, until one more every two minutes is let through."),
    ] = 30
    hash_workers: Annotated[
        int, _number(0, 256, "Threads that hash passwords in each process. 0: one for every core.")
    ] = 0
    hash_queue: Annotated[
        int,
        _number(
            0,
            10_000,
            "Passwords that may wait for each thread; beyond that, sign-ins are answered 503 with Retry-After at once. "
            "64 are less than two seconds of work.",
        ),
    ] = 64

    audiences: Annotated[
        tuple[str, ...],
        _text(
            "The APIs that clients may be given tokens for (RFC 8707), each by its URI. `jotary client create` refuses "
            "any other. Empty: whatever is named there."
        ),
    ] = ()
    scope_descriptions: Annotated[
        dict[str, str],
        _text(
            "What each scope lets an application do, in words for the person who is asked to allow it, such as "
            '`"todo:read" = "See your to-do lists"`.'
        ),
    ] = {}
    trusted_proxies: Annotated[
        tuple[str, ...],
        _text(
            "Addresses or networks of reverse proxies, from which alone X-Forwarded-For is believed: the client is the "
            "right-most address there that is none of these. What reaches a UNIX socket comes from a proxy."
        ),
    ] = ()
    audit_retention: Annotated[
        int, _duration(0, 3650 * DAY, "For how long the events of the audit trail are kept. 0 keeps them for ever.")
    ] = 365 * DAY
    access_log: Annotated[bool, _text("Whether every request is logged.")] = False
    metrics_listen: Annotated[
        str,
        _text(
            "Where the figures for Prometheus are shown, as host and port, such as `127.0.0.1:9464`: never on the "
            "public address. Who reaches it may read them, so let that be your Prometheus alone. Empty: nowhere."
        ),
    ] = ""
    log_format: Annotated[
        Literal["auto", "json", "console"],
        _text("How log lines look. `auto` is console on a terminal and JSON elsewhere."),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _text("The least important lines that are logged.")
    ] = "info"

    def __post_init__(self) -> None:
        """Check every value by itself, then against the others."""
        for field in msgspec.structs.fields(self):
            check_type(field.name, getattr(self, field.name), field.type)
        check_issuer(self.issuer)
        check_secret(self.secret, "secret")
        for accepted in self.accepted_secrets:
            check_secret(accepted, "accepted_secrets")
        check_database(self.database)
        check_audiences(self.audiences)
        check_proxies(self.trusted_proxies)
        check_listen(self.metrics_listen)
        check_order("session_idle_lifetime", self.session_idle_lifetime, "session_lifetime", self.session_lifetime)
        check_order("sign_in_idle_lifetime", self.sign_in_idle_lifetime, "sign_in_lifetime", self.sign_in_lifetime)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Name the issuer only: the database URL may hold a password."""
        return [("issuer", self.issuer)]

    def __repr__(self) -> str:
        """Name the issuer only, for the same reason."""
        return f"Settings(issuer={self.issuer!r})"
