"""What each check is, and how an API that lacks it is mended: with jotary it is there, elsewhere it is an option."""

from types import MappingProxyType

#: By the name of a check, what to do in whatever library verifies.
MENDING = MappingProxyType(
    {
        "signature": "verify it before anything in the token is believed, with a key that the issuer publishes",
        "alg": "pass a constant list of the asymmetric algorithms that you take; never take it from the token",
        "kid": "look the kid up among the published keys, as a string that may be anything; no match is 401",
        "jwk": "never use a key from the token's header",
        "jku": "never fetch keys from a URL in the token's header; the URL of the keys is a setting",
        "x5c": "never use a certificate from the token's header",
        "x5u": "never fetch a certificate from a URL in the token's header",
        "exp": "require exp, as a number, and refuse what has expired: PyJWT and Authlib ask for it only when told to",
        "nbf": "refuse a token before its nbf",
        "iat": "require iat, and refuse what was issued in the future",
        "iss": "require iss, and compare it with your issuer as a whole string, byte for byte",
        "aud": "require aud, and compare each of its values with your API's own name as a whole string",
        "typ": "require the header's typ to be at+jwt, so that ID tokens and logout tokens are refused",
        "sub": "require sub, as a string that is not empty, before you look anything up by it",
        "client_id": "require client_id, as a string that is not empty",
        "jti": "require jti, as a string that is not empty",
        "scope": "split scope at its spaces, look for every scope of the route among the words, and answer 403",
        "crit": "refuse a header whose crit, or b64, you do not process",
        "duplicates": "refuse JSON in which a member stands twice: two readers would see two tokens",
        "nesting": "bound the depth of JSON, or answer 401 for what its reader raises (RecursionError in Python)",
        "json": "answer 401 for a header or claims that are no JSON object, whatever the library raises",
        "size": "bound the length of the token before it is decoded; 8 kB is plenty",
        "token": "answer 401 where there is no well-formed bearer token, and let nobody in by default",
        "scheme": "take the token from 'Authorization: Bearer <token>' alone, the header read as a whole",
        "one header": "refuse a request with two Authorization headers: a proxy may have checked the other one",
        "query": "take no token from the URL, which is in every log; refuse it beside a header",
    }
)
