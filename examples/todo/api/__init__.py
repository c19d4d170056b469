"""The ToDo API: it never sees the users database, only the issuer's public keys."""
