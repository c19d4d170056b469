"""What a client is told about a person (OIDC Core §5.1, §5.4)."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from jotary.server.model.user import User

_Claim = Callable[[User], Any]

#: The claims that each scope asks for. A value of None is left out (OIDC Core §5.3.2).
CLAIMS_OF_SCOPE: Final[Mapping[str, Mapping[str, _Claim]]] = MappingProxyType(
    {
        "profile": MappingProxyType({"name": lambda user: user.name or None}),
        "email": MappingProxyType(
            {"email": lambda user: user.email, "email_verified": lambda user: user.email_verified}
        ),
    }
)

OPENID: Final = "openid"
#: Scopes that ask who the person is.
IDENTITY_SCOPES: Final = (OPENID, *CLAIMS_OF_SCOPE)


def profile_claims(user: User, scopes: Collection[str]) -> dict[str, Any]:
    """The claims about the person that these scopes allow; never `sub`, which every token says by itself."""
    claims = {
        name: read(user) for scope, row in CLAIMS_OF_SCOPE.items() if scope in scopes for name, read in row.items()
    }
    return {name: value for name, value in claims.items() if value is not None}
