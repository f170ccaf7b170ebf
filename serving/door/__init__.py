"""The proxy in front of Triton, Envoy: its configurations and its process."""
