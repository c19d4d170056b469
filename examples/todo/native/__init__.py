"""The command line: `python -m todo.native add|list|done`, with the session in the keychain."""
