"""Several placed cameras that see the same people."""
