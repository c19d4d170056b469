"""Who runs a command, for the audit trail."""

import getpass
import os


def operating_system_user() -> str:
    """The user that the process belongs to: not what the environment says, where the system can be asked.

    With whom sudo ran it for, which only root could have made up.
    """
    if not hasattr(os, "getuid"):
        return getpass.getuser()
    user_id = os.getuid()
    name = _name(user_id)
    behind = os.environ.get("SUDO_USER") if user_id == 0 else None
    return f"{name} (sudo by {behind})" if behind and behind != name else name


def _name(user_id: int) -> str:
    import pwd  # noqa: PLC0415 -- there is none on Windows

    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:  # as in many containers
        return str(user_id)
