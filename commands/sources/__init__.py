"""One reader per source, used by queries and by the console's pollers alike."""
