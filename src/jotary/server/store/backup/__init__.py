"""Backups: everything that the store holds, in one encrypted file that any store can read back (docs/backups.md)."""

from jotary.server.store.backup.envelope import SALT_SIZE
from jotary.server.store.backup.error import BackupError
from jotary.server.store.backup.key import KEY_SIZE, BackupKey, create_key, read_key
from jotary.server.store.backup.reading import check_backup
from jotary.server.store.backup.records import Contents, Manifest
from jotary.server.store.backup.restoring import Restored, Restoring, restore_backup
from jotary.server.store.backup.writing import check_room, write_backup

__all__ = [
    "KEY_SIZE",
    "SALT_SIZE",
    "BackupError",
    "BackupKey",
    "Contents",
    "Manifest",
    "Restored",
    "Restoring",
    "check_backup",
    "check_room",
    "create_key",
    "read_key",
    "restore_backup",
    "write_backup",
]
