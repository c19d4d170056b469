"""How a record lies in a row. What a column needs follows from the record's own annotations."""

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec
import sqlalchemy as sa

from jotary.server.model.allowance import Allowance
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import schema
from jotary.server.store.compiled import Unstorable

Record = TypeVar("Record", bound=msgspec.Struct)
Row = Sequence[Any]
_Code = Callable[[Any], Any]

_PLAIN = {str, int, bytes}
_SPOILT: Final = (
    "Somebody changed the row, or a disk did. Keep a copy of the database, see which rows there hold no JSON of their "
    "column's kind, and go back to a backup: jotary restore --replace"
)
_JSON = (tuple[str, ...], dict[str, Any], dict[str, tuple[str, ...]])


def _without_none(annotation: Any) -> Any:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        (annotation,) = (part for part in typing.get_args(annotation) if part is not types.NoneType)
    return annotation


def _to_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError as error:
        raise Unstorable("text holds a lone surrogate") from error


def _codes(annotation: Any) -> tuple[_Code | None, _Code | None]:
    """How a value of this type is written and read; None where it is stored as it is."""
    kind = _without_none(annotation)
    if kind in _JSON:
        return _to_json, msgspec.json.Decoder(kind).decode
    if kind is bool:
        return None, bool
    if kind in _PLAIN or typing.get_origin(kind) is Literal:
        return None, None
    raise TypeError(f"no column holds {annotation}")


class Rows(Generic[Record]):
    """Records of one kind and the table they lie in: every field has the column of its name.

    `unreadable` names fields of which JSON that cannot be read is taken for the given value.
    """

    def __init__(self, record: type[Record], table: sa.Table, *, unreadable: Mapping[str, Any] | None = None) -> None:
        annotations = typing.get_type_hints(record)
        self.table = table
        self.names = record.__struct_fields__
        self.columns = [table.c[name] for name in self.names]
        codes = {name: _codes(annotations[name]) for name in self.names}
        self._record = record
        self._writers = [(name, write) for name, (write, _) in codes.items() if write]
        self._readers = [(name, read) for name, (_, read) in codes.items() if read]
        self._unreadable = unreadable or {}

    def values(self, record: Record) -> dict[str, Any]:
        """The record as column values."""
        values = msgspec.structs.asdict(record)
        for name, write in self._writers:
            if values[name] is not None:
                values[name] = write(values[name])
        return values

    def record(self, row: Row) -> Record:
        """The record in a row that was read with `columns`.

        Raises:
            Unavailable: somebody spoilt the row.
        """
        values = dict(zip(self.names, row, strict=True))
        for name, read in self._readers:
            if values[name] is not None:
                values[name] = self._read(name, read, values[name])
        return self._record(**values)

    def _read(self, name: str, read: _Code, text: Any) -> Any:
        try:
            return read(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            if name in self._unreadable:
                return self._unreadable[name]
            where = f"{self.table.name}.{name}"
            raise Unavailable(f"what stands in {where} is not what jotary wrote", hint=_SPOILT) from error


USERS = Rows(User, schema.users)
PASSWORDS = Rows(Password, schema.passwords)
CLIENTS = Rows(Client, schema.clients)
SIGN_INS = Rows(SignIn, schema.sign_ins)
CODES = Rows(AuthorizationCode, schema.codes)
SESSIONS = Rows(Session, schema.sessions)
CONSENTS = Rows(Consent, schema.consents)
# One row that somebody spoilt must not keep the others from being read: its stamp does not hold.
SIGNING_KEYS = Rows(SigningKey, schema.signing_keys, unreadable={"public_jwk": {}})
REVOCATIONS = Rows(Revocation, schema.revocations)
EVENTS = Rows(Event, schema.events)
SEALED_EVENTS = Rows(SealedEvent, schema.events)
AUDIT_CHAIN = Rows(AuditChain, schema.audit_chain)
ALLOWANCES = Rows(Allowance, schema.allowances)
