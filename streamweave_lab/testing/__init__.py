"""What helps to test nodes and graphs of your own."""
