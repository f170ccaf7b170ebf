"""What Vitrine is made of: locked with hashes, listed with licences, and asked for known vulnerabilities."""
