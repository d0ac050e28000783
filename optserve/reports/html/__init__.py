"""A page that tells of a job to the eye: words, tables, and pictures as SVG."""
