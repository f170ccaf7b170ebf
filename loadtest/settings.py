"""Settings of a run: everything that its workers need to know, as a file they read."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loadtest.photos import PhotoPool, draw_photos, photos_of_folder
from loadtest.scenario import Scenario
from loadtest.schedule import ArrivalProfile

FILE = "settings.json"


@dataclass(frozen=True)
class RunSettings:
    url: str
    scenario: Scenario
    profile: ArrivalProfile
    seed: int
    users: int | None
    """Closed loop: so many ask one after the other, and the profile's rate counts for nothing. None: open loop."""
    workers: int
    warm_up_s: float
    timeout_s: float
    max_in_flight: int
    """Requests under way at once in each worker; what is due beyond is counted as not sent."""
    photo_count: int
    photo_folder: str | None
    photo_salt: str
    """Text behind the bytes of each photo; see `PhotoPool.salt`."""
    web_port: int | None
    """Port of Locust's page; None: there is none."""

    @property
    def is_open_loop(self) -> bool:
        return self.users is None

    def photos(self) -> PhotoPool:
        """Read or draw the photos.

        Raises:
            PhotoFolderError: the folder has none.
        """
        if self.photo_folder:
            pool = photos_of_folder(Path(self.photo_folder))
        else:
            pool = draw_photos(
                self.photo_count, self.scenario.photo_long_side_px, has_labels=self.scenario.read_ratio > 0
            )
        return replace(pool, salt=self.photo_salt)


def write_settings(folder: Path, settings: RunSettings) -> None:
    (folder / FILE).write_text(json.dumps(asdict(settings), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_settings(folder: Path) -> RunSettings:
    content: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    scenario = content.pop("scenario")
    scenario["photo_long_side_px"] = tuple(scenario["photo_long_side_px"])
    return RunSettings(**{**content, "scenario": Scenario(**scenario), "profile": ArrivalProfile(**content["profile"])})
