"""The check that cached features are the photo's own, and the count of those that were not."""

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from vitrine_steps.features import FeatureMismatchError, require_same_photos


class MismatchCounter:
    """Counts requests whose features were another photo's."""

    def __init__(self, model: str) -> None:
        # The family must live as long as its metric: Triton deletes it with the object.
        self._family = pb_utils.MetricFamily(
            name="vitrine_feature_mismatch_total",
            description="Requests refused because the cached features were another photo's",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._metric = self._family.Metric(labels={"model": model})

    def require_same_photos(self, photos: NDArray[Any], features_sha256: NDArray[np.uint8]) -> None:
        """Check that features were made from these very photos; count where they were not.

        Args:
            photos: encoded photos, of any shape.
            features_sha256: [B, 32] uint8, out of the features.

        Raises:
            FeatureMismatchError: a digest differs.
        """
        try:
            require_same_photos(photos.reshape(-1).tolist(), features_sha256)
        except FeatureMismatchError:
            self._metric.increment(1)
            raise
