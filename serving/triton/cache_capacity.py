"""Tells how many bytes a photo's features take in Triton's response cache."""

import math
from pathlib import Path

import numpy as np
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import triton_to_np_dtype

from serving.triton.models import cached_outputs, read_configs

_OWN_BYTES = 300  # the cache's own, an entry: 4 MiB held the features of 207 photos of 19,968 bytes


def bytes_per_cached_photo(repository: Path) -> int:
    """Add up the tensors that the cache keeps of one photo, with the cache's own bytes. Texts are left out: how long
    they are is not known, and no photo has any until it is read.

    Args:
        repository: a built one.

    Raises:
        UsageError: a file of it is no config.
    """
    outputs = cached_outputs(read_configs(repository))
    return _OWN_BYTES + sum(
        int(math.prod(output.dims)) * _item_bytes(output.data_type)
        for output in outputs
        if output.data_type != model_config_pb2.TYPE_STRING
    )


def _item_bytes(data_type: int) -> int:
    name = model_config_pb2.DataType.Name(data_type).removeprefix("TYPE_")
    return int(np.dtype(triton_to_np_dtype(name)).itemsize)
