"""What is said of the cache is what it does."""

from pathlib import Path

from vitrine_client import VqaClient

from catalogue.photos import photo_from_seed
from loadtest.server_metrics import scrape
from serving.supervision.server import EmbeddedServer
from serving.triton.cache_capacity import bytes_per_cached_photo
from serving.triton.command import ServerSettings


def test_the_cache_holds_as_many_photos_as_is_said(repository: Path) -> None:
    """Of 1 MiB: the oldest of a few less is still there, and of a few more it is not."""
    photo = photo_from_seed(3, long_side_px=(120, 120)).jpeg_bytes()
    fits = 2**20 // bytes_per_cached_photo(repository)
    settings = ServerSettings(repository, grpc_port=0, metrics_port=0, cache_mib=1)
    with EmbeddedServer(settings) as server, VqaClient(server.url) as client:
        metrics_url = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"

        def oldest_is_there_after(count: int) -> bool:
            photos = [photo + count.to_bytes(4, "big") + number.to_bytes(4, "big") for number in range(count)]
            for one in photos:
                client.embed(one)
            before = scrape(metrics_url)["image_features"]["cache_hits"]
            client.embed(photos[0])
            return scrape(metrics_url)["image_features"]["cache_hits"] > before

        assert oldest_is_there_after(fits - 3)
        assert not oldest_is_there_after(fits + 3)
