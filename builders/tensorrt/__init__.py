"""TensorRT plans: built from the graphs, and run to be compared."""
