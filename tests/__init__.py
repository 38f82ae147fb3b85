"""Tests of tamis that are written in Python."""
