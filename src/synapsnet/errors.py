"""The one exception a user is meant to read."""


class UserError(Exception):
    """Bad input: the message is one line that says what is wrong, where, and what to do.

    ``train.py`` prints it without a traceback and exits with code 2.
    """


def one_line(error: BaseException) -> str:
    """The message of any exception on one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
