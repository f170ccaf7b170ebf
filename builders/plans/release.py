"""The one NGC release that builds and serves: docker-compose.yml, deploy/ and manifests are held to it.

Source: NVIDIA's release notes of the TensorRT and Triton containers 26.08.
"""

NGC_RELEASE = "26.08"
TENSORRT_VERSION = "11.2.1"
TRITON_VERSION = "2.72.0"
BUILD_COMMAND = "docker compose run --rm builder"
TENSORRT_IMAGE = f"nvcr.io/nvidia/tensorrt:{NGC_RELEASE}-py3"
TRITON_IMAGE = f"nvcr.io/nvidia/tritonserver:{NGC_RELEASE}-py3"
