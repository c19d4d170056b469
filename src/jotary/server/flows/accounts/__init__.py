"""What people do with their accounts, one file per use case."""
