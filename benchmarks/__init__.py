"""What fast means, measured: optserve beside named peers, in pairs, in one run."""
