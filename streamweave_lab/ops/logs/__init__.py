"""Events as lines of JSON, written by a thread of their own."""
