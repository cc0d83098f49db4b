import pytest

from synapsnet.configuration import section
from synapsnet.data.sources import sources

NAMES = sorted(sources())


def test_the_public_data_sets_are_there() -> None:
    assert {"bugeon2022", "ibl", "steinmetz2019"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_source_says_what_it_is(name: str) -> None:
    source = sources()[name]
    assert source.TITLE
    assert "\n" not in source.TITLE + source.CITATION + source.LICENCE
    assert "doi" in source.CITATION.lower()
    assert source.LICENCE
    assert all(task == task.lower() and task.isidentifier() for task in section("data", name)["tasks"])
    assert hasattr(source, "files") != hasattr(source, "fetch")
