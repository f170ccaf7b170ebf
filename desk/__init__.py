"""The shop's desk: an HTTP door, a page and an inbox for people, in front of Vitrine servers."""
