"""The words that all parties share: errors, parameters, scope, PKCE, redirect URIs, metadata."""
