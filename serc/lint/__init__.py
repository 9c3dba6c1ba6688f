"""What is legal and almost surely wrong."""
