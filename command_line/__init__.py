"""The one way in which programs here take their arguments: from a frozen dataclass and its docstrings.

Imports nothing but the standard library, so that `--help` answers at once.
"""
