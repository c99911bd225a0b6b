"""What both ends of the stream agree on: messages as bytes, addresses, requests. See PROTOCOL.md."""
