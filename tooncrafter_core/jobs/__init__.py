"""Many pieces of work, done in this process, in several, or on a cluster."""
