"""What serctl is made of: talking to a running server, starting and stopping it, its database. Nothing here imports the server."""
