"""The stream's receiving end: subscribe, reconnect, listen, measure."""
