"""The builder's own error."""


class BuildError(RuntimeError):
    """The build cannot go on. The message says what came, what was expected and what to do."""
