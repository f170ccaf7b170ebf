"""The engines' graphs, as PyTorch modules over a checkpoint's own weights, and their export to ONNX."""
