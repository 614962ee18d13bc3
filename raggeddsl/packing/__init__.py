"""Arrays one by one in, one packed buffer without gaps out, and back: layouts, element types, copying."""
