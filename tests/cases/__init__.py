"""The shared case files, run against the daemon."""
