"""The viewer: a subscriber that draws people in a window or a film."""
