"""Serving under Triton, as all steps share it: requests and errors, metrics, heartbeats, the release."""
