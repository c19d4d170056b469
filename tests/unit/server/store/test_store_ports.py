"""The store is every port that reads or writes, to the letter."""

import inspect

import pytest

from jotary.server import ports
from jotary.server.store import Store


def every_port(store: Store) -> tuple[object, ...]:
    """Checked by the type checker: a store goes wherever one of these is asked for."""
    commit: ports.Commit = store
    users: ports.Users = store
    clients: ports.Clients = store
    sign_ins: ports.SignIns = store
    codes: ports.Codes = store
    sessions: ports.Sessions = store
    consents: ports.Consents = store
    signing_keys: ports.SigningKeys = store
    revocations: ports.Revocations = store
    events: ports.Events = store
    trail: ports.AuditTrail = store
    allowances: ports.Allowances = store
    return (
        commit,
        users,
        clients,
        sign_ins,
        codes,
        sessions,
        consents,
        signing_keys,
        revocations,
        events,
        trail,
        allowances,
    )


@pytest.mark.parametrize(
    "port",
    [
        *(ports.Commit, ports.Users, ports.Clients, ports.SignIns, ports.Codes, ports.Sessions),
        *(ports.Consents, ports.SigningKeys, ports.Revocations, ports.Events),
        ports.Allowances,
    ],
)
def test_a_store_has_the_methods_of_a_port(port: type) -> None:
    """Names, parameters and defaults."""
    for name, method in vars(port).items():
        if not name.startswith("_"):
            assert inspect.signature(getattr(Store, name)) == inspect.signature(method)
