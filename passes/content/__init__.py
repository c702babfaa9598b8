"""What a pass must show: read from everything that stands below, in no vendor's terms."""
