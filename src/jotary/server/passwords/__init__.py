"""Password hashing: Argon2id in a bounded pool of threads, and the formats of imported accounts."""

from jotary.server.passwords.pool import HashingPool

__all__ = ["HashingPool"]
