"""The one NGC release that builds and serves: docker-compose.yml, deploy/ and manifests are held to it.

Source: NVIDIA's release notes of the TensorRT and Triton containers 26.08.
"""

NGC_RELEASE = "26.08"
TENSORRT_VERSION = "11.2.1"
TRITON_VERSION = "2.72.0"
MENDED_IN = {"server#8172": "25.05", "server#8267": "25.07", "server#8708": "26.04"}
"""Pull requests of Triton's repositories that mend what a single request ends it by, and the first release with each.

No door stands in front of the container, so what it runs must have them all. Source: branches r25.05, r25.07, r26.04.
"""
BUILD_COMMAND = "docker compose run --rm builder"
TENSORRT_IMAGE = f"nvcr.io/nvidia/tensorrt:{NGC_RELEASE}-py3"
TRITON_IMAGE = f"nvcr.io/nvidia/tritonserver:{NGC_RELEASE}-py3"
