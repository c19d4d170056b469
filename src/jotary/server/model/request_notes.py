"""What is noted in a request's ASGI scope while it is answered, for who counts, traces and logs it from outside.

Keys of the scope, as each says a plain fact and the layers that write and read them do not know each other.
"""

from typing import Final

#: str: the path that answers, without what the issuer's own path puts in front. Absent: no path answers.
ROUTE: Final = "jotary.route"
#: int: the HTTP status. Absent: nobody was left to answer.
STATUS: Final = "jotary.status"
#: OAuthError: why it was refused or failed.
REFUSAL: Final = "jotary.refusal"
#: True: it came from a proxy that the operator trusts.
FROM_PROXY: Final = "jotary.from_proxy"
#: str: the grant type that the token endpoint was asked for, as it was sent.
GRANT: Final = "jotary.grant"
#: () -> bool: whether anybody still waits for the answer. Absent: who serves the application cannot tell.
AWAITED: Final = "jotary.awaited"
