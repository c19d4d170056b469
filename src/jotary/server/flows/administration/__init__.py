"""What an operator does: people, clients and sessions, one file per use case. The command line calls these."""
