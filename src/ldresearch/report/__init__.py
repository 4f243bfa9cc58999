"""From an executed notebook to a page, and from pages to an index. Nothing raw gets through."""
