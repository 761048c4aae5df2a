"""Whole ways through the product, as those who use it go them."""
