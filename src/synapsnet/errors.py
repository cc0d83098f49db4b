"""The one exception a user is meant to read."""

import difflib
import errno
from collections.abc import Iterable, Mapping

_FULL = "; make room there and give the same command again, or choose another folder"
_CLOSED = "; choose a folder that you may write to"
_ADVICE: Mapping[int | None, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    errno.EROFS: _CLOSED,
}


class UserError(Exception):
    """Bad input: the message is one line that says what is wrong, where, and what to do.

    ``train.py`` prints it without a traceback and exits with code 2.
    """


class TooManyUnitsError(UserError):
    """A session has more units than a part of synapsnet can hold."""


def one_line(error: BaseException) -> str:
    """The message of any exception on one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def with_advice(error: BaseException) -> str:
    """`one_line`, and what to do where the system refused to write a file."""
    code = error.errno if isinstance(error, OSError) else None
    return one_line(error) + _ADVICE.get(code, "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Words after a name that there is not: the one that was probably meant, or nothing."""
    candidates = list(known)
    swapped = [candidate for candidate in candidates if sorted(candidate) == sorted(name)]
    meant = swapped or difflib.get_close_matches(name, candidates, n=1, cutoff=0.8)
    return f" (did you mean {meant[0]}?)" if meant else ""
