"""The audit trail: sealing it, verifying it, forgetting what is old (docs/decisions, "The audit trail is a chain")."""
