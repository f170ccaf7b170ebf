"""How sure answers are, fitted on questions whose answers are known."""
