"""One running server: started, asked whether it lives, restarted, drained, stopped."""
