"""The embedded server's own errors."""


class ServingError(RuntimeError):
    """The server cannot run. The message says what came, what was expected and what to do."""
