"""What serctl is made of: talking to a running server, starting and stopping it. Nothing here imports the server."""
