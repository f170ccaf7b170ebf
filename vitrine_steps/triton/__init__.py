"""What the steps share of serving under Triton: requests and errors, metrics, heartbeats, the release."""
