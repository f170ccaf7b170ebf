"""The check that cached features are the photo's and the release's own, and the count of those that were not."""

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from vitrine_steps.features import FeatureMismatchError, require_same_photos


class MismatchCounter:
    """Counts requests whose features were another photo's or another release's."""

    def __init__(self, model: str, release: str) -> None:
        """
        Args:
            release: that the features must be of.
        """
        # The family must live as long as its metric: Triton deletes it with the object.
        self._family = pb_utils.MetricFamily(
            name="vitrine_feature_mismatch_total",
            description="Requests refused because the cached features were another photo's or release's",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._release = release
        self._metric = self._family.Metric(labels={"model": model})

    def require_same_photos(self, photos: NDArray[Any], stamps: NDArray[np.uint8]) -> None:
        """Check that features were made from these very photos, by this release; count where they were not.

        Args:
            photos: encoded photos, of any shape.
            stamps: [B, 32] uint8, out of the features.

        Raises:
            FeatureMismatchError: a stamp differs.
        """
        try:
            require_same_photos(photos.reshape(-1).tolist(), stamps, self._release)
        except FeatureMismatchError:
            self._metric.increment(1)
            raise
