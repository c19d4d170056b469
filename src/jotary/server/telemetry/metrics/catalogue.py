"""Every figure that the server shows: its name, what it says, and its labels. The documentation is made from this.

Labels take values that the code knows: endpoints, methods, error codes, kinds of events. Never an id, an address, or
anything that somebody has sent.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric. A counter's samples end in `_total`, those of a histogram in `_bucket`, `_sum` and `_count`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # upper bounds of a histogram's


_FAST: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # of what takes a hash or longer
_SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

REQUESTS: Final = Metric(
    "jotary_http_request_duration_seconds",
    "histogram",
    "Requests by the path that answered (`none`: no such path), and the class of the status (`gone`: the client hung"
    " up). Those at /revocations wait for news.",
    ("endpoint", "method", "status"),
    _FAST,
)
TOKENS: Final = Metric(
    "jotary_token_answers",
    "counter",
    "Answers of the token endpoint, by grant type (`other`: an unknown one) and by `ok` or the error code.",
    ("grant", "outcome"),
)
REFUSALS: Final = Metric(
    "jotary_refusals",
    "counter",
    "Requests refused or failed, by error code and by the fixed text that the client was given.",
    ("endpoint", "error", "reason"),
)
SIGN_INS: Final = Metric("jotary_sign_ins", "counter", "Attempts to sign in: accepted, refused, limited.", ("outcome",))
LIMITS: Final = Metric("jotary_limits_tripped", "counter", "Attempts held off by a limit.", ("limit",))
REUSES: Final = Metric(
    "jotary_refresh_token_reuses", "counter", "Old refresh tokens that came back: the session was ended as stolen."
)
EVENTS: Final = Metric("jotary_audit_events", "counter", "Events written to the audit trail.", ("kind",))
SESSIONS_STARTED: Final = Metric("jotary_sessions_started", "counter", "Sessions of clients that began.")
SESSIONS_ENDED: Final = Metric(
    "jotary_session_ends",
    "counter",
    "Orders to end sessions: one, or all of a sign-in, a user or a client; `reason` as in the audit trail.",
    ("of", "reason"),
)
HASH_QUEUE: Final = Metric("jotary_password_hash_queue", "gauge", "Passwords that wait for a thread.")
HASH_WAITS: Final = Metric(
    "jotary_password_hash_wait_seconds", "histogram", "How long passwords waited for a thread.", buckets=_SLOW
)
HASHES: Final = Metric(
    "jotary_password_hash_duration_seconds", "histogram", "How long passwords took to hash.", buckets=_SLOW
)
HASHES_REFUSED: Final = Metric(
    "jotary_password_hashes_refused", "counter", "Passwords turned away with 503, as the queue was full."
)
DATABASE: Final = Metric(
    "jotary_database_duration_seconds",
    "histogram",
    "What the database was asked: `look_up` of one row (one in 16 is timed), `scan`, and `write` with its wait.",
    ("operation",),
    _FAST,
)
DATABASE_FAILURES: Final = Metric(
    "jotary_database_failures", "counter", "What the database did not answer, lost races not counted.", ("operation",)
)
COMMITS: Final = Metric(
    "jotary_database_commit_duration_seconds", "histogram", "Transactions, fsync included.", buckets=_FAST
)
COMMIT_UNITS: Final = Metric(
    "jotary_database_commit_units", "histogram", "Writes that shared a transaction (SQLite).", buckets=_SIZES
)
WRITES_WAITING: Final = Metric(
    "jotary_database_waiting", "gauge", "Writes that wait for SQLite's writer, or calls for a connection to PostgreSQL."
)
CONNECTIONS: Final = Metric(
    "jotary_database_connections", "gauge", "Connections to PostgreSQL: `busy` and `idle`.", ("state",)
)
SIGNATURES: Final = Metric(
    "jotary_external_signature_duration_seconds", "histogram", "Signatures by an HSM or KMS.", buckets=_FAST
)
SIGNATURE_FAILURES: Final = Metric(
    "jotary_external_signature_failures", "counter", "Signatures that the HSM or KMS did not give."
)
KEYS: Final = Metric(
    "jotary_signing_keys", "gauge", "Signing keys that are announced, signing or retiring.", ("state",)
)
KEYS_REFUSED: Final = Metric(
    "jotary_signing_keys_refused", "gauge", "Rows of keys that were written without the server's secret, and not used."
)
KEY_AGE: Final = Metric("jotary_signing_key_age_seconds", "gauge", "How long the key that signs has signed.")
KEY_CHANGE: Final = Metric(
    "jotary_signing_key_next_change_seconds", "gauge", "Until a key begins to sign, retires, goes, or is due."
)
KEY_OVERDUE: Final = Metric(
    "jotary_signing_key_overdue", "gauge", "1 while an operator should have added the next key (HSM or KMS)."
)
KEYS_READ: Final = Metric(
    "jotary_signing_keys_read_timestamp_seconds", "gauge", "When the keys were last read from the database."
)
FEED_ENTRIES: Final = Metric("jotary_revocation_feed_entries", "gauge", "Cut-offs that have not expired.")
FEED_FOLLOWERS: Final = Metric("jotary_revocation_feed_followers", "gauge", "APIs that wait for news now.")
FEED_POSITION: Final = Metric("jotary_revocation_feed_position", "gauge", "The last cut-off that was read.")
PURGED: Final = Metric("jotary_purged_rows", "counter", "Rows forgotten as they had expired.")
PURGED_AT: Final = Metric("jotary_purge_timestamp_seconds", "gauge", "When the last purge was done.")
LAG: Final = Metric(
    "jotary_event_loop_lag_seconds", "histogram", "How late the event loop does what is due.", buckets=_FAST
)
BUILD: Final = Metric("jotary_build_info", "gauge", "Always 1; the labels say what runs.", ("version", "python"))
WORKER_UP: Final = Metric(
    "jotary_worker_up", "gauge", "With several workers: 1 for each that answered, 0 for one that hangs.", ("worker",)
)

CATALOGUE: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))


def rows() -> list[str]:
    """The catalogue as rows of a Markdown table."""
    return [
        f"| `{metric.name}{'_total' if metric.kind == 'counter' else ''}` | {metric.kind} "
        f"| {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in CATALOGUE
    ]
