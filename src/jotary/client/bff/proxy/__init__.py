"""The proxy: requests of a signed-in browser, passed on to an API with the access token."""
