"""What a version tells about itself, drawn."""
