"""Mixes of requests: named ones, and those of a YAML file."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from loadtest.yaml_file import YamlFileError, read_values

KINDS = ("ask", "choose", "embed", "read")


class ScenarioError(ValueError):
    """The scenario is unknown or its file is wrong; says where, what came, and what is expected."""


@dataclass(frozen=True)
class Scenario:
    """A mix of requests. Ratios are between 0 and 1."""

    name: str
    photo_long_side_px: tuple[int, int] = (400, 1000)
    """Shortest and longest long side of the drawn photos, in pixels."""
    repeat_photo_ratio: float = 0.0
    """Share of the visits that are about a photo that was asked about before; popular ones more often (Zipf)."""
    questions_per_photo: int = 1
    """Questions that a visit asks about its photo, one after the other."""
    chinese_ratio: float = 0.5
    choose_ratio: float = 0.0
    """Share of the requests that give a closed list of ten."""
    embed_ratio: float = 0.0
    """Share of the requests that want an embedding."""
    read_ratio: float = 0.0
    """Share of the requests that read text. The others ask. With it, every other photo is a drawn label."""
    invalid_ratio: float = 0.0
    """Share of the requests that are wrong (a broken photo, a blank question), and must be refused."""
    long_question_ratio: float = 0.0
    """Share of the questions that are the longest of five drawn; the others are just drawn."""

    def __post_init__(self) -> None:
        """
        Raises:
            ScenarioError: a value is out of range.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_ratio") and not 0 <= value <= 1:
                raise ScenarioError(f"{field.name} is {value}, but a share from 0 to 1 is expected")
        if self.choose_ratio + self.embed_ratio + self.read_ratio > 1:
            raise ScenarioError(
                "choose_ratio, embed_ratio and read_ratio are more than 1 together: the rest of the requests asks"
            )
        low, high = self.photo_long_side_px
        if not 16 <= low <= high <= 8000:
            raise ScenarioError(f"photo_long_side_px is [{low}, {high}], but 16 <= LOW <= HIGH <= 8000 is expected")
        if not 1 <= self.questions_per_photo <= 100:
            raise ScenarioError(f"questions_per_photo is {self.questions_per_photo}, but 1 to 100 is expected")


NAMED = {
    scenario.name: scenario
    for scenario in (
        # Buyers ask about what is on sale this week: few photos, often, mostly in Chinese.
        Scenario(
            "customer_service",
            repeat_photo_ratio=0.8,
            questions_per_photo=2,
            chinese_ratio=0.8,
            long_question_ratio=0.3,
        ),
        # Sellers list new goods: every photo is new, and the form wants one of its own words.
        Scenario("listing", questions_per_photo=4, choose_ratio=0.75, photo_long_side_px=(800, 1600)),
        # Similar products beside the one that is looked at: embeddings, mostly of known photos.
        Scenario("browsing", repeat_photo_ratio=0.6, embed_ratio=0.9),
        # What is printed: labels of what is on sale, read when they first come, and asked about.
        Scenario("labels", repeat_photo_ratio=0.8, read_ratio=0.3),
    )
}


def scenario_from(name: str) -> Scenario:
    """Find a named scenario, or read that of a YAML file.

    Raises:
        ScenarioError: neither; says what there is.
    """
    if name in NAMED:
        return NAMED[name]
    if Path(name).suffix in (".yaml", ".yml"):
        return read_scenario(Path(name))
    raise ScenarioError(f"there is no scenario {name!r}: name one of {', '.join(NAMED)}, or a .yaml file")


def read_scenario(file: Path) -> Scenario:
    """Read a mix from lines such as `chinese_ratio: 0.8`; the file's name is the scenario's, if it gives none.

    Raises:
        ScenarioError: names the line and the field.
    """
    known = {field.name: field.default for field in fields(Scenario)}
    expected = "lines of the form `chinese_ratio: 0.8` are expected"
    values: dict[str, Any] = {"name": file.stem}
    lines: dict[str, int] = {}
    try:
        for name, line, value in read_values(file, list(known), what="field", expected=expected):
            lines[name] = line
            values[name] = _value(f"{file.name}, line {line}", name, value, known[name])
    except YamlFileError as error:
        raise ScenarioError(str(error)) from error
    for name, line in lines.items():  # each alone, so that the line at fault is named
        _scenario({"name": "", name: values[name]}, f"{file.name}, line {line}: ")
    return _scenario(values, f"{file.name}: ")


def _value(where: str, name: str, value: Any, default: Any) -> Any:
    """Take a value if it is of its field's type, which that of `default` says.

    Raises:
        ScenarioError: it is not.
    """
    if name == "name":
        return str(value)
    if isinstance(default, tuple):
        if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):
            return tuple(value)
        raise ScenarioError(f"{where}: {name} is {value!r}, but two whole numbers are expected, such as [400, 1000]")
    expected = (int,) if isinstance(default, int) else (int, float)
    if type(value) not in expected:
        what = "a whole number" if expected == (int,) else "a number"
        raise ScenarioError(f"{where}: {name} is {value!r}, but {what} is expected")
    return value


def _scenario(values: dict[str, Any], where: str) -> Scenario:
    try:
        return Scenario(**values)
    except ScenarioError as error:
        raise ScenarioError(f"{where}{error}") from error
