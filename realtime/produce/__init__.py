"""The camera end of a line over two machines: pictures stay here, keypoints go to a server."""
