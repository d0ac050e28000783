"""The pictures of docs/gallery.md: each example of ``configs`` that it shows, run and drawn."""
