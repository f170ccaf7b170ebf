"""Fixtures of the builder's tests."""

import pytest

from tests.helpers.graphs import Graphs


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    """Exported graphs that tests share: nobody may change a file."""
    return Graphs(tmp_path_factory.mktemp("graphs"))
