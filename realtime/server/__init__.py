"""The stream's publishing end: poses out, requests answered, strangers kept out."""
