"""Files in, files out: nothing here needs a camera or a stream."""
