"""Training: one loop for every rule, its exact resume, its progress line, and what happens when it fails."""
