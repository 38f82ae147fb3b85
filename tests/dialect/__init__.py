"""The differential test against SQLite and DuckDB, and the list of differences that it allows."""
