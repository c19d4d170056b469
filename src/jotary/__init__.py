"""jotary: self-hosted identity for Python. Sign once, verify anywhere, revoke in a second."""
