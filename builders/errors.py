"""The builder's own errors."""


class BuildError(RuntimeError):
    """The build cannot go on. The message says what came, what was expected and what to do."""

    exit_status = 1


class UsageError(BuildError):
    """What was asked for cannot be: the value of an option, or a file, folder or checkpoint that it names."""

    exit_status = 2
