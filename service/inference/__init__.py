"""The loader, its workers, and the pool through which the API process reaches them."""
