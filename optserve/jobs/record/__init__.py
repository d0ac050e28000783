"""The record that a job leaves: its ``Result``, and the files that hold it."""
