"""The caller, as a handler sees it."""

import copy
import pickle
from typing import Any

import pytest

from jotary import Principal
from jotary.testing import TestIssuer


def principal(issuer: TestIssuer, **options: Any) -> Principal:
    """The principal of a new token."""
    return issuer.verifier().verify(issuer.token(**options))


def test_scopes_can_be_asked_for(issuer: TestIssuer) -> None:
    """All of them must be there; none asked for is always there."""
    caller = principal(issuer, scopes=["a", "b"])
    assert caller.has_scopes("a")
    assert caller.has_scopes("b", "a")
    assert caller.has_scopes()
    assert not caller.has_scopes("a", "c")
    assert not caller.has_scopes("ab")


def test_every_claim_can_be_read(issuer: TestIssuer) -> None:
    """Also those that jotary does not know."""
    caller = principal(issuer, roles=["admin", {"at": ["x"]}], tenant={"id": 7}, flag=None)
    assert caller.claims["iss"] == issuer.issuer
    assert caller.claims["roles"] == ("admin", {"at": ("x",)})
    assert caller.claims["tenant"]["id"] == 7
    assert caller.claims["flag"] is None


def test_no_handler_can_change_what_the_next_request_sees(issuer: TestIssuer) -> None:
    """A principal is shared by all requests with its token."""
    verifier, token = issuer.verifier(), issuer.token(scopes=["read"], roles=["reader"], tenant={"id": 7})
    caller: Any = verifier.verify(token)
    with pytest.raises(AttributeError):
        caller.subject = "eve"
    with pytest.raises(AttributeError):
        caller.scopes.add("write")
    with pytest.raises(AttributeError):
        caller.claims["roles"].append("admin")
    with pytest.raises(TypeError):
        caller.claims["sub"] = "eve"
    with pytest.raises(TypeError):
        caller.claims["tenant"]["id"] = 8
    again = verifier.verify(token)
    assert (again.subject, again.claims["roles"], again.claims["tenant"]["id"]) == ("person-1", ("reader",), 7)


def test_a_principal_prints_who_and_nothing_else(issuer: TestIssuer) -> None:
    """It ends up in logs; claims may be personal."""
    caller = principal(issuer, email="ada@example.com")
    assert repr(caller) == "<Principal subject='person-1' client_id='client-1'>"
    assert str(caller) == f"{caller}" == repr(caller)


def test_principals_can_be_compared_and_copied(issuer: TestIssuer) -> None:
    """They are values: for tests, and for passing them to a worker."""
    caller = principal(issuer)
    assert copy.deepcopy(caller) == caller
    assert pickle.loads(pickle.dumps(caller)) == caller  # noqa: S301 -- our own bytes
    assert caller != principal(issuer)
