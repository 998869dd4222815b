"""The console's screens: how panels are laid out for a size, and what the cursor can stand on."""
