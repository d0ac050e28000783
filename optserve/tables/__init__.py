"""Tables from files: readers, frames, pieces of files and streams of them.

No config is known here: errors tell the file, the row and the column.
"""
