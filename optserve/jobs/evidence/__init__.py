"""What there is to know of the point where a descent ended: is it a minimum, and what shows it."""
