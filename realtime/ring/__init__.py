"""The shared-memory ring that holds the recent past between producer and lifter."""
