"""How the time of whole jobs grows with each of their sizes."""
