import ast
import copy
import re
from pathlib import Path

import pytest

import jotary.jose
from jotary.jose import JOSEError
from jotary.jose.errors import CODES

SOURCE = "\n".join(path.read_text() for path in Path(jotary.jose.__file__).parent.rglob("*.py"))


def test_an_error_says_its_code_and_what_to_change() -> None:
    """For the integrator; the code is what programs look at."""
    error = JOSEError("malformed", "send three parts")
    assert (error.code, error.hint, str(error)) == ("malformed", "send three parts", "malformed: send three parts")
    assert repr(copy.copy(error)) == repr(error)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_snake_case_and_raised_somewhere(code: str) -> None:
    """A code that nothing raises would be a promise without a rule behind it."""
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code)
    assert SOURCE.count(f'"{code}"') >= 2


def test_every_refusal_has_a_documented_code() -> None:
    """The first argument of every JOSEError is one of the codes."""
    calls = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Call)]
    raised = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "JOSEError" and isinstance(call.args[0], ast.Constant)
    }
    assert raised <= CODES
