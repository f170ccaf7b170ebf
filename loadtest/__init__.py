"""Load tests that tell the truth: Locust scenarios, open loop, reports. See docs/load-testing.md."""
