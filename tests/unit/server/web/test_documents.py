"""What a reader that has a document is answered."""

import pytest
from starlette.requests import Request

from jotary.server.web.documents import Document

DOCUMENT = Document(b"{}", media_type="application/json", headers={})
TAG = f'"{DOCUMENT.digest}"'.encode()


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [([], 200), ([TAG], 304), ([b'"other"', TAG], 304), ([b'"other", W/' + TAG], 304), ([b'"other"', b""], 200)],
)
def test_headers_of_one_name_are_one_list(if_none_match: list[bytes], status: int) -> None:
    """RFC 9110 §5.3, §13.1.2."""
    request = Request({"type": "http", "headers": [(b"if-none-match", value) for value in if_none_match]})
    assert DOCUMENT.response(request).status_code == status
