"""Reports on runs: one page of all they found, how far a connectivity can be trusted, and which runs are missing."""
