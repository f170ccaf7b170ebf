"""Load tests that tell the truth: Locust scenarios, open loop, reports. See docs/how-to/load-test.md."""
