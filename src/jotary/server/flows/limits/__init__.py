"""How often something may be tried: passwords, accounts, client credentials (docs/decisions/0009)."""
