"""The shell command as a user has it: the built program, its files, pipes and status."""
