"""The built repository: configs, the Python steps' code, the manifest."""
