"""Supervision of one running server: started, probed, restarted, drained, stopped."""
