"""The client: gets tokens, keeps them where nothing else reads them, and refreshes them unseen.

`authorization`, `token_endpoint`, `client_authentication` and `refresh` decide and do no I/O; `transport` is the only
network code; `provider` joins them into one issuer as a client sees it. `bff` and `native` stand on top.
"""
